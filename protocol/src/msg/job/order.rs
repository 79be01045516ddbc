//! Flat structs whose wire order differs by release: an order is a list beside the struct.

use crate::wire::{DecodeError, Reader, Writer};

/// A run of fields of `S`, in wire order.
pub(super) trait Part<S> {
    fn encode(of: &S, w: &mut Writer);

    fn decode(into: &mut S, r: &mut Reader<'_>) -> Result<(), DecodeError>;
}

/// Lists a run of fields of a struct in wire order, each in the versions that its range names.
///
/// An item is a field; `(field as form)`, where the module `form` has the `encode` and `decode` of
/// an odd form; or `(Run)`, another [`Part`] of the same struct. A field may stand in several
/// places: it is written in each and the last one read counts.
macro_rules! wire_order {
    (
        $(#[$meta:meta])*
        $order:ident of $name:ident {
            $( $item:tt $([ $($range:tt)+ ])? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        struct $order;

        impl $crate::msg::job::order::Part<$name> for $order {
            fn encode(of: &$name, w: &mut $crate::wire::Writer) {
                $( if $crate::on_wire!(w.version() $(, $($range)+)?) {
                    $crate::msg::job::order::order_item!(encode of w $item);
                } )*
            }

            fn decode(
                into: &mut $name,
                r: &mut $crate::wire::Reader<'_>,
            ) -> Result<(), $crate::wire::DecodeError> {
                $( if $crate::on_wire!(r.version() $(, $($range)+)?) {
                    $crate::msg::job::order::order_item!(decode into r $item);
                } )*
                Ok(())
            }
        }
    };
}

/// One item of a [`wire_order!`].
macro_rules! order_item {
    (encode $of:ident $w:ident ($field:ident as $form:ident)) => {
        $form::encode(&$of.$field, $w)
    };
    (encode $of:ident $w:ident ($part:ident)) => {
        <$part as $crate::msg::job::order::Part<_>>::encode($of, $w)
    };
    (encode $of:ident $w:ident $field:ident) => {
        $crate::wire::Wire::encode(&$of.$field, $w)
    };
    (decode $into:ident $r:ident ($field:ident as $form:ident)) => {
        $into.$field = $form::decode($r)
            .map_err(|e: $crate::wire::DecodeError| e.within(stringify!($field)))?
    };
    (decode $into:ident $r:ident ($part:ident)) => {
        <$part as $crate::msg::job::order::Part<_>>::decode($into, $r)?
    };
    (decode $into:ident $r:ident $field:ident) => {
        $into.$field = $crate::wire::Wire::decode($r)
            .map_err(|e: $crate::wire::DecodeError| e.within(stringify!($field)))?
    };
}

/// Makes a struct with one order a message.
macro_rules! wire_in_order {
    ($name:ident, $order:ident) => {
        impl $crate::wire::Wire for $name {
            fn encode(&self, w: &mut $crate::wire::Writer) {
                <$order as $crate::msg::job::order::Part<Self>>::encode(self, w);
            }

            fn decode(r: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::DecodeError> {
                let mut value = Self::default();
                <$order as $crate::msg::job::order::Part<Self>>::decode(&mut value, r)?;
                Ok(value)
            }
        }
    };
}

pub(super) use {order_item, wire_in_order, wire_order};

/// The form of a [`StepId`](crate::msg::StepId) field where a release has the bare job number.
pub(super) mod job_number {
    use crate::msg::StepId;
    use crate::wire::{DecodeError, Reader, Wire, Writer};

    pub fn encode(id: &StepId, w: &mut Writer) {
        id.job_id.encode(w);
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<StepId, DecodeError> {
        u32::decode(r).map(StepId::job)
    }
}
