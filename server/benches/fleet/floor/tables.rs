//! Tables that floors write.

/// The product's table of reports.
pub(super) mod report {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
        EnumIter, PrimaryKeyTrait, Uuid,
    };

    #[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
    #[sea_orm(table_name = "device_deployments")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) tenant_id: Uuid,
        pub(crate) deployment_number: i32,
        pub(crate) deployment_id: Uuid,
        pub(crate) device_number: i32,
        pub(crate) device_id: Uuid,
        pub(crate) artifact_id: Option<Uuid>,
        pub(crate) artifact_size: i64,
        pub(crate) status: String,
        pub(crate) substate: Option<String>,
        pub(crate) logged: bool,
        pub(crate) created_at: DateTimeUtc,
        pub(crate) started_at: Option<DateTimeUtc>,
        pub(crate) finished_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A table without an index.
pub(super) mod bare {
    use sea_orm::entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait,
        EnumIter, PrimaryKeyTrait, Uuid,
    };

    /// Makes it.
    pub(in crate::floor) const TABLE: &str = "CREATE TABLE floor_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, \
        device_id BLOB NOT NULL, status TEXT NOT NULL, text TEXT NOT NULL, created_at TEXT NOT NULL)";

    #[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
    #[sea_orm(table_name = "floor_rows")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i32,
        pub(crate) device_id: Uuid,
        pub(crate) status: String,
        pub(crate) text: String,
        pub(crate) created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
