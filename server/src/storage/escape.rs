//! Text patterns.

use sea_orm::sea_query::{BinOper, Expr, ExprTrait, Func, SimpleExpr};

/// Tells whether a text contains `part`, whatever the case; `%` and `_` stand for themselves.
///
/// The database lowers both sides: SQLite knows the capitals of ASCII only, and what it leaves as it is on one side
/// must stay as it is on the other.
pub(crate) fn contains(text: SimpleExpr, part: &str) -> SimpleExpr {
    let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = SimpleExpr::from(Func::lower(Expr::val(format!("%{escaped}%"))));
    let pattern = pattern.binary(BinOper::Escape, SimpleExpr::Constant('\\'.into()));
    SimpleExpr::from(Func::lower(text)).binary(BinOper::Like, pattern)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use crate::storage::artifacts::TextMatch;
    use crate::storage::releases::{self, ReleaseFilter, ReleaseOrder};
    use crate::storage::testing::{TestDatabase, database_tests};

    database_tests![capitals_beyond_ascii_are_found_as_they_are_written];

    async fn capitals_beyond_ascii_are_found_as_they_are_written(storage: TestDatabase) {
        let tx = storage.scope().begin().await.unwrap();
        for name in ["App-ÄRGER", "app 100%"] {
            releases::touch(&tx.scope(), name, DateTime::UNIX_EPOCH).await.unwrap();
        }
        tx.commit(DateTime::UNIX_EPOCH).await.unwrap();
        for (part, expected) in [("ÄRGER", 1), ("aPP", 2), ("0%", 1), ("p%", 0), ("p_", 0)] {
            let filter = ReleaseFilter {
                name: Some(TextMatch::Contains(part.to_owned())),
                ..ReleaseFilter::default()
            };
            let found = releases::list(&storage.scope(), &filter, ReleaseOrder::default(), None).await;
            assert_eq!(found.unwrap().1, expected, "{part}");
        }
    }
}
