//! `callback-var`: the custom variables of a Put or Complete (P§1.3); a PostObject form carries them as fields instead.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{MapAccess, Visitor};

use super::{InvalidCallback, MAX_BLOB_BYTES};

/// Encodes `callback-var`: Base64 of a flat JSON object, in the given order. Names carry their `x:`.
pub fn encode_vars(vars: &[(String, String)]) -> String {
    struct Ordered<'a>(&'a [(String, String)]);
    impl serde::Serialize for Ordered<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            ordered::serialize(self.0, serializer)
        }
    }
    STANDARD.encode(serde_json::to_vec(&Ordered(vars)).expect("strings are JSON"))
}

/// Pairs as a JSON object in their own order.
pub(super) mod ordered {
    use serde::{Serializer, ser::SerializeMap as _};

    pub(in crate::oss::callback) fn serialize<S: Serializer>(
        pairs: &[(String, String)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(pairs.len()))?;
        for (name, value) in pairs {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Decodes `callback-var`.
///
/// Names are `x:` and then digits, `_` and anything but ASCII upper case and punctuation: lower case is documented, but a
/// Chinese name passes (P§1.3). A repeated name is refused; what OSS makes of one is unknown.
///
/// # Errors
/// With OSS's own message.
pub fn decode_vars(base64: &str) -> Result<Vec<(String, String)>, InvalidCallback> {
    let invalid = |message, ec| InvalidCallback { message, ec, argument: "callback-var" };
    if base64.len() > MAX_BLOB_BYTES {
        return Err(invalid("The length of callback var exceed max value.", Some("0007-00000101")));
    }
    let vars = STANDARD.decode(base64).ok().and_then(|json| serde_json::from_slice::<Vars>(&json).ok());
    vars.map(|vars| vars.0).ok_or(invalid("The callback var is not expecten json.", None))
}

/// A flat object of strings in order; refuses bad and repeated names.
struct Vars(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Vars {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vars;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a flat JSON object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vars, A::Error> {
                let mut vars: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if !is_var_name(&name) || vars.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom("a name is bad or repeated"));
                    }
                    vars.push((name, value));
                }
                Ok(Vars(vars))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

fn is_var_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || !c.is_ascii();
    name.strip_prefix("x:").is_some_and(|rest| !rest.is_empty() && rest.chars().all(allowed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn vars_are_a_flat_object_of_strings() {
        let decode = |json: &str| decode_vars(&STANDARD.encode(json));
        let var = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(decode(r#"{"x:b":"1","x:a_2":""}"#).unwrap(), [var("x:b", "1"), var("x:a_2", "")]);
        assert_eq!(decode(r#"{"x:键值1":"v"}"#).unwrap(), [var("x:键值1", "v")]);
        let bad = [
            "[]",
            "x",
            r#"{"a":"1"}"#,
            r#"{"x:":"1"}"#,
            r#"{"x:A":"1"}"#,
            r#"{"x:a-b":"1"}"#,
            r#"{"x:a":1}"#,
            r#"{"x:a":{}}"#,
            r#"{"x:a":null}"#,
            r#"{"x:a":"1","x:a":"1"}"#,
        ];
        for json in bad {
            let refused = decode(json).unwrap_err();
            assert_eq!(
                (refused.to_string().as_str(), refused.argument),
                ("The callback var is not expecten json.", "callback-var")
            );
        }
        assert_eq!(decode_vars("*").unwrap_err().ec, None);
        assert_eq!(decode_vars(&"A".repeat(MAX_BLOB_BYTES + 4)).unwrap_err().ec, Some("0007-00000101"));
    }

    proptest! {
        #[test]
        fn decoding_encoded_vars_gives_them_back(vars in proptest::collection::hash_map("x:[a-z0-9_]{1,9}", any::<String>(), 0..8)) {
            let vars: Vec<_> = vars.into_iter().collect();
            prop_assume!(encode_vars(&vars).len() <= MAX_BLOB_BYTES);
            prop_assert_eq!(decode_vars(&encode_vars(&vars)), Ok(vars));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in any::<String>()) {
            let _ = (decode_vars(&text), decode_vars(&STANDARD.encode(&text)));
        }
    }
}
