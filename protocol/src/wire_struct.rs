//! The macro that lists a message's fields in wire order, and nothing else.

/// A struct whose fields are on the wire one after the other, each in the versions that its range
/// names (all of them without a range).
///
/// A field that a version lacks decodes to its `Default` and is left out on encoding. A field that
/// moved or changed type is two fields with ranges that do not meet, and one method that hides it.
/// Whatever is odder than that is a type with a hand-written [`Wire`](crate::wire::Wire).
#[macro_export]
macro_rules! wire_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* pub $field:ident : $ty:ty $([ $($range:tt)+ ])? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $( $(#[$field_meta])* pub $field: $ty, )* }

        impl $crate::wire::Wire for $name {
            #[allow(unused_variables, reason = "a message may have no field")]
            fn encode(&self, w: &mut $crate::wire::Writer) {
                $( if $crate::on_wire!(w.version() $(, $($range)+)?) {
                    $crate::wire::Wire::encode(&self.$field, w);
                } )*
            }

            #[allow(unused_variables, reason = "a message may have no field")]
            fn decode(
                r: &mut $crate::wire::Reader<'_>,
            ) -> Result<Self, $crate::wire::DecodeError> {
                Ok(Self { $(
                    $field: if $crate::on_wire!(r.version() $(, $($range)+)?) {
                        $crate::wire::Wire::decode(r)
                            .map_err(|e: $crate::wire::DecodeError| e.within(stringify!($field)))?
                    } else {
                        Default::default()
                    },
                )* })
            }
        }
    };
}

/// Whether a version carries a field: part of [`wire_struct!`](crate::wire_struct).
#[doc(hidden)]
#[macro_export]
macro_rules! on_wire {
    ($version:expr) => {
        true
    };
    ($version:expr, $($range:tt)+) => {
        std::ops::RangeBounds::contains(&($($range)+), &$version)
    };
}
