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

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
            /// Stable names with the present version of their payload, in the order of the declarations.
            pub const NAMES: &'static [(&'static str, u16)] = &[ $( ($name, $version), )* $( ($other_name, $other_version), )* ];

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

            /// The event of this stable name, from its payload; `None` when the name is not known.
            ///
            /// # Errors
            /// Those of the deserializer.
            pub fn deserialize_payload<'de, D: serde::Deserializer<'de>>(
                name: &str,
                deserializer: D,
            ) -> Option<Result<Self, D::Error>> {
                match name {
                    $( $name => Some($variant::deserialize(deserializer).map(Self::$variant)), )*
                    $( $other_name => Some($other::deserialize(deserializer).map(Self::$other)), )*
                    _ => None,
                }
            }
        }
    };
}

pub(super) use events;
