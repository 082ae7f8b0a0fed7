//! `oss-valet healthcheck`: asks the running service's `/readyz`.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::Args;

use super::config_args::ConfigArgs;
use crate::settings::Environment;

/// Shorter than container runtimes wait.
const TIMEOUT: Duration = Duration::from_secs(2);

/// `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address of the operations listener [default: `server.ops_listen`]
    #[arg(long, value_name = "ADDR")]
    ops: Option<SocketAddr>,
}

/// Succeeds when the service is ready.
pub(super) fn run(args: &HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let address = match args.ops {
        Some(address) => address,
        None => args.config.load(&Environment::capture())?.server.ops_listen,
    };
    let status = ask(reachable(address)).with_context(|| format!("http://{address}/readyz"))?;
    println!("{status}");
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Listening on any address means reachable on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The status of `GET /readyz`. By hand: a whole HTTP client (with certificates) for one line would be slow to start.
fn ask(address: SocketAddr) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
}

#[cfg(test)]
mod tests {
    use std::{io::Read, net::TcpListener, thread};

    use super::*;

    #[test]
    fn the_status_of_readyz_is_read() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Some(503)),
            ("SSH-2.0-OpenSSH\r\n", None),
            ("", None),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                // All of it: closing a connection with unread bytes resets it, and the answer may be lost.
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                request
            });
            assert_eq!(ask(address).ok(), expected, "{answer}");
            assert!(server.join().unwrap().starts_with(b"GET /readyz "), "{answer}");
        }
    }

    #[test]
    fn any_address_becomes_this_machine() {
        for (listening, asked) in
            [("0.0.0.0:9090", "127.0.0.1:9090"), ("[::]:9090", "[::1]:9090"), ("10.0.0.1:9090", "10.0.0.1:9090")]
        {
            assert_eq!(reachable(listening.parse().unwrap()).to_string(), asked, "{listening}");
        }
    }
}
