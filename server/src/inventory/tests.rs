//! Inventory against a real database.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    AttributeFilter, AttributeKey, AttributeScope, AttributeValue, DeviceInventory, Inventory,
    InventoryError, InventoryFilter, InventoryMode, InventoryOrder, InventoryWrite, Regrouped, parse, store,
};
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::devices::{DeviceStatus, Identity};
use crate::fleet::FleetIndex;
use crate::ids::{DeviceId, DeviceNumber};
use crate::storage::devices::NewDevice;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Change, Direction, Page, devices, inventory};

database_tests![
    a_device_shows_its_three_kinds_of_attributes,
    reports_replace_or_merge_and_only_differences_are_written,
    the_index_recognises_what_is_stored,
    devices_are_found_by_any_attribute,
    lists_are_sorted_by_one_attribute_and_paged,
    groups_live_by_their_members,
];

const ALL: Page = Page { page: 1, per_page: 500 };

pub(super) struct Bench {
    pub(super) storage: TestDatabase,
    pub(super) clock: Arc<ManualClock>,
    pub(super) fleet: Arc<FleetIndex>,
    pub(super) inventory: Inventory,
}

impl Bench {
    pub(super) fn new(storage: TestDatabase) -> Self {
        let clock = Arc::new(ManualClock::at(1_000_000));
        let fleet = Arc::new(FleetIndex::default());
        storage.database.follow(fleet.clone());
        let inventory = Inventory::new(storage.scope(), Arc::clone(&fleet), clock.clone());
        Self { storage, clock, fleet, inventory }
    }

    pub(super) async fn device(&self, serial: &str) -> (DeviceId, DeviceNumber) {
        let identity = Identity::parse(&format!(r#"{{"mac":"m{serial}","sn":"{serial}"}}"#)).unwrap();
        let new = NewDevice { id: DeviceId::generate(), identity, status: DeviceStatus::Accepted };
        let transaction = self.storage.scope().begin().await.unwrap();
        let numbers =
            devices::insert_many(&transaction.scope(), std::slice::from_ref(&new), self.clock.now())
                .await
                .unwrap();
        transaction.scope().record(Change::Device {
            number: numbers[0],
            id: new.id,
            status: new.status,
            generation: 0,
        });
        transaction.commit(self.clock.now()).await.unwrap();
        (new.id, numbers[0])
    }

    pub(super) async fn report_many(&self, reports: &[(DeviceNumber, InventoryMode, &str)]) {
        let writes: Vec<InventoryWrite> = reports
            .iter()
            .map(|(device, mode, body)| InventoryWrite {
                device: *device,
                mode: *mode,
                attributes: parse(body.as_bytes(), 100).unwrap(),
                limit: 4,
            })
            .collect();
        self.clock.advance(TimeDelta::seconds(1));
        let transaction = self.storage.scope().begin().await.unwrap();
        let writes: Vec<&InventoryWrite> = writes.iter().collect();
        store(&transaction.scope(), &writes, self.clock.now()).await.unwrap();
        transaction.commit(self.clock.now()).await.unwrap();
    }

    pub(super) async fn report(&self, device: DeviceNumber, body: &str) {
        self.report_many(&[(device, InventoryMode::Replace, body)]).await;
    }

    async fn find(&self, conditions: &[(AttributeScope, &str, &str)]) -> Vec<DeviceId> {
        let attributes = conditions.iter().map(|(scope, name, value)| AttributeFilter {
            key: AttributeKey { scope: *scope, name: (*name).to_owned() },
            value: (*value).to_owned(),
        });
        let filter = InventoryFilter { attributes: attributes.collect(), ..InventoryFilter::default() };
        let (found, total) = self.inventory.list(&filter, None, ALL).await.unwrap();
        assert_eq!(u64::try_from(found.len()).unwrap(), total);
        found.into_iter().map(|device| device.id).collect()
    }

    async fn sorted(&self, scope: AttributeScope, name: &str, direction: Direction) -> Vec<DeviceId> {
        let order = InventoryOrder { key: AttributeKey { scope, name: name.to_owned() }, direction };
        let listed = self.inventory.list(&InventoryFilter::default(), Some(&order), ALL).await.unwrap();
        listed.0.into_iter().map(|device| device.id).collect()
    }
}

fn stored(device: &DeviceInventory) -> Vec<(String, AttributeValue)> {
    let of_device = device.attributes.iter().filter(|attribute| attribute.scope == AttributeScope::Inventory);
    of_device.map(|attribute| (attribute.name.clone(), attribute.value.clone())).collect()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::Text(value.to_owned())
}

async fn a_device_shows_its_three_kinds_of_attributes(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (id, number) = bench.device("1").await;
    bench
        .report(
            number,
            r#"[{"name":"a","value":"x"},{"name":"b","value":1.5},{"name":"c","value":["1","2"]}]"#,
        )
        .await;
    bench.fleet.saw(number, bench.clock.now());
    let device = bench.inventory.get(id).await.unwrap();
    let names: Vec<_> = device
        .attributes
        .iter()
        .map(|attribute| (attribute.scope.as_str(), attribute.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("identity", "mac"),
            ("identity", "sn"),
            ("identity", "status"),
            ("inventory", "a"),
            ("inventory", "b"),
            ("inventory", "c"),
            ("system", "created_ts"),
            ("system", "updated_ts"),
            ("system", "check_in_time"),
        ]
    );
    bench.inventory.put_into_group(id, &"g".parse().unwrap()).await.unwrap();
    let device = bench.inventory.get(id).await.unwrap();
    let group = device.attributes.last().unwrap();
    assert_eq!((group.name.as_str(), &group.value), ("group", &text("g")));
    let unknown = DeviceId::generate();
    assert!(matches!(bench.inventory.get(unknown).await, Err(InventoryError::DeviceNotFound(_))));
}

async fn reports_replace_or_merge_and_only_differences_are_written(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (id, number) = bench.device("1").await;
    bench.report(number, r#"[{"name":"a","value":"1"},{"name":"b","value":"2"}]"#).await;
    let first = bench.inventory.get(id).await.unwrap();
    bench.report(number, r#"[{"name":"b","value":"2"},{"name":"a","value":"1"}]"#).await;
    assert_eq!(bench.inventory.get(id).await.unwrap(), first, "nothing was written");

    bench
        .report_many(&[
            (number, InventoryMode::Merge, r#"[{"name":"c","value":3}]"#),
            (number, InventoryMode::Merge, r#"[{"name":"b","value":"x"}]"#),
            (number, InventoryMode::Merge, r#"[{"name":"d","value":"4"},{"name":"e","value":"over"}]"#),
            (9_999.into(), InventoryMode::Replace, r#"[{"name":"a","value":"gone"}]"#),
        ])
        .await;
    let device = bench.inventory.get(id).await.unwrap();
    let expected = [("a", text("1")), ("b", text("x")), ("c", AttributeValue::Number(3.0))];
    assert_eq!(stored(&device), expected.map(|(name, value)| (name.to_owned(), value)));
    let changed: Vec<_> = device.attributes.iter().filter_map(|attribute| attribute.updated_at).collect();
    assert!(changed[0] < changed[1], "an attribute that did not change keeps its moment");
    let (scope, gone) = (bench.storage.scope(), [9_999.into()]);
    assert!(inventory::of_devices(&scope, &gone, &[AttributeScope::Inventory]).await.unwrap().is_empty());

    bench.report(number, r#"[{"name":"c","value":"now text"}]"#).await;
    let device = bench.inventory.get(id).await.unwrap();
    assert_eq!(stored(&device), [("c".to_owned(), text("now text"))]);
    bench.report(number, "[]").await;
    assert_eq!(stored(&bench.inventory.get(id).await.unwrap()), []);
}

async fn the_index_recognises_what_is_stored(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (_, number) = bench.device("1").await;
    let body = r#"[{"name":"a","value":"1"}]"#;
    let digest = parse(body.as_bytes(), 100).unwrap().digest();
    assert!(!bench.fleet.has_inventory(number, digest));
    bench.report(number, body).await;
    assert!(bench.fleet.has_inventory(number, digest));
}

async fn devices_are_found_by_any_attribute(storage: TestDatabase) {
    use AttributeScope::{Identity as I, Inventory as V, System as S};
    let bench = Bench::new(storage);
    let (one, first) = bench.device("1").await;
    let (two, second) = bench.device("2").await;
    bench.report(first, r#"[{"name":"type","value":"board"},{"name":"mem","value":512}]"#).await;
    bench
        .report(
            second,
            r#"[{"name":"type","value":"board"},{"name":"mem","value":"512"},{"name":"q","value":"'\"%"}]"#,
        )
        .await;
    bench.inventory.put_into_group(two, &"g".parse().unwrap()).await.unwrap();
    for (conditions, expected) in [
        (vec![(V, "type", "board")], vec![one, two]),
        (vec![(V, "mem", "512")], vec![one, two]),
        (vec![(V, "mem", "512.0")], vec![one]),
        (vec![(V, "type", "board"), (I, "sn", "2")], vec![two]),
        (vec![(V, "type", "Board")], vec![]),
        (vec![(V, "q", "'\"%")], vec![two]),
        (vec![(I, "mac", "m1")], vec![one]),
        (vec![(I, "status", "accepted"), (I, "id", &one.to_string())], vec![one]),
        (vec![(I, "m\"ac", "m1")], vec![]),
        (vec![(I, "id", "no id")], vec![]),
        (vec![(S, "group", "g")], vec![two]),
        (vec![(S, "created_ts", "1970-01-12T13:46:40Z")], vec![one, two]),
        (vec![(S, "created_ts", "1970-01-12T13:46:41Z")], vec![]),
        (vec![(S, "created_ts", "yesterday")], vec![]),
    ] {
        assert_eq!(bench.find(&conditions).await, expected, "{conditions:?}");
    }
    for (filter, expected) in [
        (InventoryFilter { group: Some("g".to_owned()), ..InventoryFilter::default() }, two),
        (InventoryFilter { has_group: Some(true), ..InventoryFilter::default() }, two),
        (InventoryFilter { has_group: Some(false), ..InventoryFilter::default() }, one),
    ] {
        let (found, total) = bench.inventory.list(&filter, None, ALL).await.unwrap();
        assert_eq!((found[0].id, total), (expected, 1), "{filter:?}");
    }
}

async fn lists_are_sorted_by_one_attribute_and_paged(storage: TestDatabase) {
    use AttributeScope::{Identity, Inventory, Monitor, System, Tags};
    let bench = Bench::new(storage);
    let mut ids = Vec::new();
    for (serial, value) in [("1", "10"), ("2", "9"), ("3", r#""text""#)] {
        let (id, number) = bench.device(serial).await;
        bench.report(number, &format!(r#"[{{"name":"v","value":{value}}}]"#)).await;
        ids.push(id);
    }
    ids.push(bench.device("4").await.0);
    let [ten, less, word, none] = ids[..] else { panic!("four devices") };
    assert_eq!(bench.sorted(Inventory, "v", Direction::Ascending).await, [none, less, ten, word]);
    assert_eq!(bench.sorted(Inventory, "v", Direction::Descending).await, [word, ten, less, none]);
    assert_eq!(bench.sorted(Identity, "sn", Direction::Descending).await, [none, word, less, ten]);
    for (scope, name) in [
        (Identity, "status"),
        (Identity, "id"),
        (Identity, "a\"b"),
        (System, "group"),
        (System, "created_ts"),
        (System, "updated_ts"),
        (System, "check_in_time"),
        (System, "nothing"),
        (Tags, "x"),
        (Monitor, "x"),
    ] {
        assert_eq!(bench.sorted(scope, name, Direction::Ascending).await.len(), 4, "{scope}/{name}");
    }
    let page = Page { page: 2, per_page: 3 };
    let (found, total) = bench.inventory.list(&InventoryFilter::default(), None, page).await.unwrap();
    assert_eq!((found.len(), found[0].id, total), (1, none, 4));
}

async fn groups_live_by_their_members(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (one, _) = bench.device("1").await;
    let (two, _) = bench.device("2").await;
    let group = "g-1".parse().unwrap();
    let other = "other".parse().unwrap();
    assert!(bench.inventory.groups(None).await.unwrap().is_empty());
    assert!(matches!(bench.inventory.members(&group, ALL).await, Err(InventoryError::GroupNotFound(_))));

    let unknown = DeviceId::generate();
    let put = bench.inventory.put_many_into_group(&[one, two, unknown], &group).await.unwrap();
    assert_eq!(put, Regrouped { matched: 2, updated: 2 });
    let put = bench.inventory.put_many_into_group(&[one], &group).await.unwrap();
    assert_eq!(put, Regrouped { matched: 1, updated: 0 });
    assert_eq!(bench.inventory.members(&group, ALL).await.unwrap(), (vec![one, two], 2));
    assert_eq!(bench.inventory.groups(Some(DeviceStatus::Accepted)).await.unwrap(), ["g-1"]);
    assert!(bench.inventory.groups(Some(DeviceStatus::Pending)).await.unwrap().is_empty());
    assert_eq!(bench.inventory.group_of(one).await.unwrap().as_deref(), Some("g-1"));

    assert!(matches!(
        bench.inventory.put_into_group(unknown, &group).await,
        Err(InventoryError::DeviceNotFound(_))
    ));
    assert!(matches!(
        bench.inventory.take_out_of_group(one, &other).await,
        Err(InventoryError::NotInGroup { .. })
    ));
    bench.inventory.take_out_of_group(one, &group).await.unwrap();
    bench.inventory.put_into_group(one, &other).await.unwrap();
    let taken = bench.inventory.take_many_out_of_group(&[one, two], &group).await.unwrap();
    assert_eq!(taken, Regrouped { matched: 1, updated: 1 });
    assert_eq!(bench.inventory.clear_group(&other).await.unwrap(), 1);
    assert!(bench.inventory.groups(None).await.unwrap().is_empty());
}
