//! From a list of events to the type of all of them: stable names, versions, payloads in and out. Payloads that are
//! declared elsewhere stand at the end of the list, without their fields.

macro_rules! events {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal v $version:literal { $( $(#[$field_meta:meta])* $field:ident : $ty:ty, )* } )*
        => { $( $other:ident = $other_name:literal v $other_version:literal; )* }) => {
        /// Something that happened. Each variant has a stable name and a version of its payload.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $( $(#[$doc])* $variant($variant), )*
            $( #[doc = concat!("See [`", stringify!($other), "`].")] $other($other), )*
            /// Something that a later version knows of.
            Unknown(UnknownEvent),
        }

        /// Which of the events of this version one is, without what it says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventKind {
            $( #[doc = concat!("`", $name, "`")] $variant, )*
            $( #[doc = concat!("`", $other_name, "`")] $other, )*
        }

        impl EventKind {
            /// All of them, in the order of the declarations.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* $( Self::$other, )* ];

            /// Stable name, `noun.past_verb`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )*
                    $( Self::$other => $other_name, )*
                }
            }

            /// Present version of the payload, from 1.
            #[must_use]
            pub const fn version(self) -> u16 {
                match self {
                    $( Self::$variant => $version, )*
                    $( Self::$other => $other_version, )*
                }
            }

            /// Schema of the payload; it and what it is made of are left with `generator`, this refers to them.
            pub fn schema(self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                match self {
                    $( Self::$variant => generator.subschema_for::<$variant>(), )*
                    $( Self::$other => generator.subschema_for::<$other>(), )*
                }
            }

            /// The one of this name.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                by_name::find(name)
            }
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
            pub struct $variant {
                $( $(#[$field_meta])* pub $field: $ty, )*
            }

            impl From<$variant> for Event {
                fn from(event: $variant) -> Self {
                    Self::$variant(event)
                }
            }
        )*

        $(
            impl From<$other> for Event {
                fn from(event: $other) -> Self {
                    Self::$other(event)
                }
            }
        )*

        impl Event {
            /// Stable name, `noun.past_verb`.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $( Self::$variant(_) => $name, )*
                    $( Self::$other(_) => $other_name, )*
                    Self::Unknown(event) => &event.name,
                }
            }

            /// Version of the payload, from 1.
            #[must_use]
            pub fn version(&self) -> u16 {
                match self {
                    $( Self::$variant(_) => $version, )*
                    $( Self::$other(_) => $other_version, )*
                    Self::Unknown(event) => event.version,
                }
            }

            /// Hands the payload to `visitor`, for encoders that must not know every event.
            ///
            /// # Errors
            /// Those of the serializer.
            pub fn serialize_payload<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$variant(payload) => payload.serialize(serializer), )*
                    $( Self::$other(payload) => payload.serialize(serializer), )*
                    Self::Unknown(event) => serializer.serialize_bytes(&event.payload),
                }
            }

            /// The event of this kind, from its payload.
            ///
            /// # Errors
            /// Those of the deserializer.
            pub fn deserialize_payload<'de, D: serde::Deserializer<'de>>(
                kind: EventKind,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                match kind {
                    $( EventKind::$variant => $variant::deserialize(deserializer).map(Self::$variant), )*
                    $( EventKind::$other => $other::deserialize(deserializer).map(Self::$other), )*
                }
            }
        }
    };
}

pub(super) use events;
