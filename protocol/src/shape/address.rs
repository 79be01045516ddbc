use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use crate::shape::Blob;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// A socket address as Slurm packs one.
///
/// Slurm puts fields that are already in network order through its big-endian packer, so the IPv4
/// address and both ports come out byte-reversed from a little-endian host (seen in captures:
/// 127.0.0.1 is `01 00 00 7f`). The reversed form is the only one in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// No address; the raw family is kept (0 in practice).
    #[default]
    None,
    /// IPv4.
    V4(SocketAddrV4),
    /// IPv6.
    V6(V6),
}

/// An IPv6 address and port, without the scope that the wire does not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V6 {
    /// The address.
    pub ip: Ipv6Addr,
    /// The port.
    pub port: u16,
}

impl Address {
    /// The address, if there is one.
    pub fn socket(self) -> Option<SocketAddr> {
        match self {
            Self::None => None,
            Self::V4(address) => Some(address.into()),
            Self::V6(V6 { ip, port }) => Some(SocketAddr::new(IpAddr::V6(ip), port)),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::V4(v4),
            SocketAddr::V6(v6) => Self::V6(V6 { ip: *v6.ip(), port: v6.port() }),
        }
    }
}

impl Wire for Address {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::None => 0u16.encode(w),
            Self::V4(v4) => {
                AF_INET.encode(w);
                u32::from(*v4.ip()).swap_bytes().encode(w);
                v4.port().swap_bytes().encode(w);
            }
            Self::V6(V6 { ip, port }) => {
                AF_INET6.encode(w);
                Blob(ip.octets().to_vec()).encode(w);
                port.swap_bytes().encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u16::decode(r)? {
            0 => Ok(Self::None),
            AF_INET => {
                let ip = Ipv4Addr::from(u32::decode(r)?.swap_bytes());
                let port = u16::decode(r)?.swap_bytes();
                Ok(Self::V4(SocketAddrV4::new(ip, port)))
            }
            AF_INET6 => {
                let wrong =
                    r.error(Malformed::Text { what: "16 bytes of address", got: String::new() });
                let octets: [u8; 16] = Blob::decode(r)?.0.try_into().map_err(|_| wrong)?;
                let port = u16::decode(r)?.swap_bytes();
                Ok(Self::V6(V6 { ip: octets.into(), port }))
            }
            other => Err(r.error(Malformed::Unknown { what: "address family", got: other.into() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn an_ipv4_address_is_byte_reversed() {
        let address = Address::from("127.0.0.1:56204".parse::<std::net::SocketAddr>().unwrap());
        let bytes = to_bytes(&address, Version::V24_11);
        assert_eq!(bytes, [0, 2, 1, 0, 0, 0x7f, 0x8c, 0xdb]);
        assert_eq!(from_bytes::<Address>(&bytes, Version::V24_11), Ok(address));
    }
}
