//! Searches against real databases: what they find is what the rules say.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::tests::Bench;
use super::{
    AttributeKey, AttributeScope, DeviceInventory, InventoryMode, InventoryOrder, Predicate, Search, Test,
};
use crate::clock::Clock;
use crate::ids::{DeviceId, DeviceNumber};
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Direction, Page};

database_tests![
    databases_find_what_the_rules_say,
    last_contacts_are_known_before_they_are_stored,
    words_are_looked_for_by_relevance,
    several_attributes_sort,
];

const ALL: Page = Page { page: 1, per_page: 500 };

/// What devices report as `v`, and beside it.
const VALUES: [&str; 16] = [
    r#""""#,
    r#""1""#,
    r#""a""#,
    r#""B""#,
    r#""a\"q\\u""#,
    r#""ä""#,
    "0",
    "1",
    "-2.5",
    "1e300",
    "[]",
    r#"["a","1"]"#,
    "[1,7]",
    r#"["[","a%"]"#,
    r#""[\"a\"]""#,
    "0.1",
];

async fn filled(storage: TestDatabase) -> (Bench, Vec<DeviceId>) {
    let bench = Bench::new(storage);
    let mut ids = Vec::new();
    for (at, value) in VALUES.iter().enumerate() {
        let (id, number) = bench.device(&format!("s{at}")).await;
        let body = format!(r#"[{{"name":"v","value":{value}}},{{"name":"other","value":"a"}}]"#);
        bench.report_many(&[(number, InventoryMode::Replace, body.as_str())]).await;
        ids.push(id);
    }
    // One that has no `v`.
    ids.push(bench.device("bare").await.0);
    (bench, ids)
}

fn key(scope: &str, name: &str) -> AttributeKey {
    AttributeKey { scope: scope.parse().unwrap(), name: name.to_owned() }
}

fn one(scope: &str, name: &str, operator: &str, value: &Value) -> Search {
    let predicate = Predicate::new(key(scope, name), operator, value).unwrap();
    Search { predicates: vec![predicate], ..Search::default() }
}

async fn find(bench: &Bench, search: &Search) -> Vec<DeviceInventory> {
    let (found, total) = bench.inventory.search(search, ALL).await.unwrap();
    assert_eq!(u64::try_from(found.len()).unwrap(), total);
    found
}

fn ids(found: &[DeviceInventory]) -> Vec<DeviceId> {
    found.iter().map(|device| device.id).collect()
}

/// Whether a device as it is shown fits, by the rules alone.
fn fits(device: &DeviceInventory, predicate: &Predicate) -> bool {
    let value = device
        .attributes
        .iter()
        .find(|shown| shown.scope == predicate.key.scope && shown.name == predicate.key.name)
        .map(|shown| &shown.value);
    match &predicate.test {
        Test::Condition(condition) => condition.holds(value),
        Test::Matches(pattern) => value.is_some_and(|value| pattern.matches(value)),
    }
}

async fn databases_find_what_the_rules_say(storage: TestDatabase) {
    let (bench, all) = filled(storage).await;
    let shown = find(&bench, &Search::default()).await;
    assert_eq!(shown.len(), all.len());
    let created = shown[3].attributes.iter().find(|attribute| attribute.name == "created_ts").unwrap();
    let created = created.value.to_json();
    let mut values: Vec<Value> = VALUES.iter().map(|value| serde_json::from_str(value).unwrap()).collect();
    values.extend([json!(true), json!("%"), json!("s3"), json!("s1"), json!("accepted")]);
    let id = json!(all[5].to_string());
    let mut asked = 0;
    for (scope, name) in [
        ("inventory", "v"),
        ("inventory", "missing"),
        ("tags", "v"),
        ("identity", "sn"),
        ("identity", "missing"),
        ("identity", "a\"b"),
        ("identity", "status"),
        ("identity", "id"),
        ("system", "group"),
        ("system", "created_ts"),
        ("system", "unknown"),
    ] {
        let is_moment = name == "created_ts";
        let mut operands =
            if is_moment { vec![created.clone(), json!("2001-01-01"), json!(5)] } else { values.clone() };
        if name == "id" {
            operands.push(id.clone());
        }
        for operator in
            ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$ltne", "$in", "$nin", "$exists", "$regex"]
        {
            for operand in &operands {
                let operand = match operator {
                    "$in" | "$nin" => json!([operand, operands[0]]),
                    "$exists" => json!(*operand == operands[0]),
                    _ => operand.clone(),
                };
                // What the operator does not take.
                let Ok(predicate) = Predicate::new(key(scope, name), operator, &operand) else { continue };
                if name == "id" && operator != "$regex" && scope == "identity" {
                    // The id is no attribute that is shown; it is asked for below.
                    continue;
                }
                let search = Search { predicates: vec![predicate.clone()], ..Search::default() };
                let found: BTreeSet<DeviceId> = ids(&find(&bench, &search).await).into_iter().collect();
                let expected: BTreeSet<DeviceId> = if name == "id" {
                    let Test::Matches(pattern) = &predicate.test else { unreachable!() };
                    let text = |id: &DeviceId| super::AttributeValue::Text(id.to_string());
                    all.iter().copied().filter(|id| pattern.matches(&text(id))).collect()
                } else {
                    shown.iter().filter(|device| fits(device, &predicate)).map(|device| device.id).collect()
                };
                assert_eq!(found, expected, "{scope}/{name} {operator} {operand}");
                asked += 1;
            }
        }
    }
    assert!(asked > 1_000, "{asked}");
    assert_eq!(ids(&find(&bench, &one("identity", "id", "$eq", &id)).await), [all[5]]);
    assert_eq!(find(&bench, &one("identity", "id", "$ne", &id)).await.len(), all.len() - 1);
    assert_eq!(
        find(&bench, &one("identity", "id", "$gt", &id)).await.len()
            + find(&bench, &one("identity", "id", "$lte", &id)).await.len(),
        all.len()
    );
    assert!(find(&bench, &one("identity", "id", "$eq", &json!("no id"))).await.is_empty());
}

async fn last_contacts_are_known_before_they_are_stored(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (old, old_number) = bench.device("old").await;
    let (fresh, fresh_number) = bench.device("fresh").await;
    let (never, _) = bench.device("never").await;
    let saw = |number: DeviceNumber| bench.fleet.saw(number, bench.clock.now());
    saw(old_number);
    bench.clock.advance(TimeDelta::hours(2));
    saw(fresh_number);
    let limit = json!((bench.clock.now() - TimeDelta::hours(1)).to_rfc3339());
    let asked =
        async |operator, value| ids(&find(&bench, &one("system", "check_in_time", operator, value)).await);
    assert_eq!(asked("$lt", &limit).await, [old]);
    assert_eq!(asked("$ltne", &limit).await, [old, never]);
    assert_eq!(asked("$gte", &limit).await, [fresh]);
    assert_eq!(asked("$exists", &json!(false)).await, [never]);
    assert_eq!(asked("$regex", &json!("19")).await, [old, fresh]);
}

async fn words_are_looked_for_by_relevance(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (one, _) = bench.device("one").await;
    let (two, number) = bench.device("two").await;
    let body = r#"[{"name":"note","value":"ONE per cent: 1%"}]"#;
    bench.report_many(&[(number, InventoryMode::Replace, body)]).await;
    let asked = async |words: &[&str]| {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        ids(&find(&bench, &Search { words, ..Search::default() }).await)
    };
    assert_eq!(asked(&["one"]).await, [one, two]);
    assert_eq!(asked(&["TWO", "one"]).await, [two, one], "the one with both comes first");
    assert_eq!(asked(&["%"]).await, [two]);
    assert_eq!(asked(&["1_"]).await, []);
    assert_eq!(asked(&["note"]).await, [], "names are not texts");
    assert_eq!(asked(&[&one.to_string()]).await, [one]);
}

async fn several_attributes_sort(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let mut all = Vec::new();
    for (serial, a, b) in [("1", "x", 2), ("2", "y", 1), ("3", "x", 10)] {
        let (id, number) = bench.device(serial).await;
        let body = format!(r#"[{{"name":"a","value":"{a}"}},{{"name":"b","value":{b}}}]"#);
        bench.report_many(&[(number, InventoryMode::Replace, body.as_str())]).await;
        all.push(id);
    }
    let order = |scope: AttributeScope, name: &str, direction| InventoryOrder {
        key: AttributeKey { scope, name: name.to_owned() },
        direction,
    };
    let orders = vec![
        order(AttributeScope::Inventory, "a", Direction::Ascending),
        order(AttributeScope::Inventory, "b", Direction::Descending),
    ];
    let found = find(&bench, &Search { orders, ..Search::default() }).await;
    assert_eq!(ids(&found), [all[2], all[0], all[1]]);
    let orders = vec![order(AttributeScope::Identity, "id", Direction::Descending)];
    let found = find(&bench, &Search { orders, ids: Some(vec![all[0], all[2]]), ..Search::default() }).await;
    assert_eq!(ids(&found), [all[2], all[0]]);
}
