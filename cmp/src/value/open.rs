/// An enum of the API: what this version knows, and whatever else the service sends.
///
/// `$known` is the generated enum of the documented values. It is matched exhaustively, so a value that appears in or
/// goes from the documents breaks the build here, by name.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident from $known:path { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value that this version doesn't know, as the service wrote it.
            Other(String),
        }

        impl $name {
            /// The value as the service writes it. `Display` masks what may be secret in an unknown one.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(value) => value,
                }
            }

            fn from_known(known: $known) -> Self {
                use $known as Known;
                match known {
                    $(Known::$variant => Self::$variant,)*
                }
            }

            pub(crate) fn from_wire(value: cmp_generated::scalar::Open<$known>) -> Self {
                match value {
                    cmp_generated::scalar::Open::Known(known) => Self::from_known(known),
                    cmp_generated::scalar::Open::Unknown(value) => Self::Other(value),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str(stringify!($variant)),)*
                    Self::Other(value) => f.debug_tuple("Other").field(&$crate::scrub::scrub(value)).finish(),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::Other(value) => f.write_str(&$crate::scrub::scrub(value)),
                    known => f.write_str(known.as_str()),
                }
            }
        }
    };
}

pub(crate) use open_enum;
