//! OSS as far as a confirmation needs it: every object is there. It says so at once, so that what is measured is ours.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What every object is.
pub(crate) const OBJECT_SIZE: u64 = 48_211;
pub(crate) const OBJECT_ETAG: &str = "5B3C1A2E053D763E1B002CC607C5A0FE";
pub(crate) const OBJECT_CRC64: &str = "9598345217583485123";

/// Starts answering; ends with the runtime.
pub(crate) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_heads(stream));
        }
    });
    address
}

async fn answer_heads(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {OBJECT_SIZE}\r\ncontent-type: image/png\r\netag: \"{OBJECT_ETAG}\"\r\n\
         x-oss-object-type: Normal\r\nx-oss-hash-crc64ecma: {OBJECT_CRC64}\r\nx-oss-request-id: 5C3D9175B6FC201293AD4890\r\n\r\n"
    );
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(read) if read > 0 => filled += read,
            _ => return,
        }
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            assert!(buffer.starts_with(b"HEAD "), "{}", String::from_utf8_lossy(&buffer[..filled]));
            filled = 0;
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
