//! Where the events go: a backend that takes everything at once, one that nobody answers for, or none.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sink {
    None,
    Up,
    /// Connections are accepted, and then nothing is ever said.
    Down,
}

impl Sink {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Starts it; gives back its section of the settings. It ends with the runtime.
    pub(crate) async fn start(self) -> String {
        if self == Self::None {
            return String::new();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                match self {
                    Self::Up => drop(tokio::spawn(take_all(stream))),
                    Self::Down | Self::None => silent.push(stream),
                }
            }
        });
        format!(
            "[[sinks]]\nurl = \"{url}\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nallow_private = true\n"
        )
    }
}

async fn take_all(mut stream: TcpStream) {
    const LENGTH: &[u8] = b"content-length: ";
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(read) if read > 0 => filled += read,
            _ => return,
        }
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let at = buffer[..head].windows(LENGTH.len()).position(|window| window.eq_ignore_ascii_case(LENGTH)).unwrap();
        let digits = buffer[at + LENGTH.len()..head].iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        if filled >= head + 4 + length {
            filled = 0;
            if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                return;
            }
        }
    }
}
