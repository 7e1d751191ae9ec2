//! Maps with structured keys, as JSON: an array of `[key, value]` rows, since a key of a JSON object can only be text.

/// For `#[serde(with = "as_rows")]`.
pub(crate) mod as_rows {
    use std::collections::BTreeMap;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        // BTreeMap's FromIterator sorts once and builds in one pass: a dump is sorted already.
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
