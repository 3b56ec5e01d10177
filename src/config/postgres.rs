//! Settings of the PostgreSQL protocol.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use afterglow_history::postgres::{TlsFiles, Users};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The PostgreSQL protocol over the fleet tables.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    pub listen: Address,
    /// Passwords by user: the text itself, or `file:PATH`. Without users everybody may connect.
    pub users: BTreeMap<String, String>,
    /// PEM files; empty for no encryption.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Where to listen, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    Off,
    At(SocketAddr),
}

impl Default for Address {
    fn default() -> Self {
        Address::At(SocketAddr::from(([127, 0, 0, 1], 15432)))
    }
}

impl FromStr for Address {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "off" => Ok(Address::Off),
            _ => s
                .parse()
                .map(Address::At)
                .map_err(|_| format!("`{s}` is no address: write ADDRESS:PORT, e.g. 127.0.0.1:15432, or off")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Off => f.write_str("off"),
            Address::At(address) => address.fmt(f),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

impl Postgres {
    /// The files of a certificate and its key, if they are named.
    pub fn tls(&self) -> Option<TlsFiles> {
        let named = !self.certificate.as_os_str().is_empty();
        named.then(|| TlsFiles { certificate: self.certificate.clone(), key: self.key.clone() })
    }

    /// The users with their passwords, those in files read.
    ///
    /// # Errors
    /// A sentence about a file that cannot be read.
    pub fn users(&self) -> Result<Users, String> {
        let password = |(user, given): (&String, &String)| {
            let password = match given.strip_prefix("file:") {
                None => given.clone(),
                Some(file) => std::fs::read_to_string(file)
                    .map_err(|e| format!("postgres.users.{user}: {file}: {e}: name a file that can be read"))?
                    .trim_end_matches(['\r', '\n'])
                    .to_owned(),
            };
            match password.is_empty() {
                true => Err(format!("postgres.users.{user}: the password is empty: set one")),
                false => Ok((user.clone(), password)),
            }
        };
        self.users.iter().map(password).collect::<Result<_, _>>().map(Users)
    }

    /// What cannot work, each with its key and the remedy.
    pub fn problems(&self, allow_remote: bool) -> Vec<String> {
        let mut out = Vec::new();
        if self.certificate.as_os_str().is_empty() != self.key.as_os_str().is_empty() {
            out.push(
                "postgres.certificate, postgres.key: one is named and the other is not: name both, or none".into(),
            );
        }
        if let Address::At(address) = self.listen
            && !address.ip().is_loopback()
        {
            if self.users.is_empty() {
                out.push(format!(
                    "postgres.listen: {address} is reachable from other machines and everybody may connect: name postgres.users, or listen on 127.0.0.1"
                ));
            }
            if self.tls().is_none() && !allow_remote {
                out.push(format!(
                    "postgres.listen: {address} is reachable from other machines and answers would go over the network as they are: name postgres.certificate and postgres.key, or set server.allow_remote (--allow-remote) if something in front encrypts"
                ));
            }
        }
        out
    }

    /// What is wrong with the files that are named, each with its key and the remedy.
    pub fn wrong_files(&self) -> Vec<String> {
        if self.listen == Address::Off {
            return Vec::new();
        }
        let mut out: Vec<String> = self.users().err().into_iter().collect();
        out.extend(self.tls().and_then(|files| files.check().err()).map(|e| format!("postgres.certificate: {e}")));
        out
    }
}
