//! The size of an image, for `imageInfo.*` (P§1.5).

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

use imagesize::ImageType;

use crate::oss::callback::ImageInfo;

/// Whether a file is an image, and of what size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) enum Image {
    /// Read.
    Known(ImageInfo),
    /// It begins like an image and then can't be read.
    Broken,
    /// Something else.
    None,
}

/// Reads the header of the file.
pub(in crate::simulator) async fn inspect(path: &Path) -> std::io::Result<Image> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || inspect_file(File::open(path)?)).await?
}

fn inspect_file(mut file: File) -> std::io::Result<Image> {
    let mut magic = [0; 16];
    let read = file.read(&mut magic)?;
    let Some(format) = imagesize::image_type(&magic[..read]).ok().and_then(format_name) else {
        return Ok(Image::None);
    };
    file.rewind()?;
    Ok(match imagesize::reader_size(BufReader::new(file)) {
        Ok(size) => match (u32::try_from(size.width), u32::try_from(size.height)) {
            (Ok(width), Ok(height)) => Image::Known(ImageInfo { width, height, format: format.to_owned() }),
            _ => Image::Broken,
        },
        Err(_) => Image::Broken,
    })
}

/// The formats that OSS reads.
fn format_name(kind: ImageType) -> Option<&'static str> {
    match kind {
        ImageType::Png => Some("png"),
        ImageType::Jpeg => Some("jpg"),
        ImageType::Gif => Some("gif"),
        ImageType::Webp => Some("webp"),
        ImageType::Bmp => Some("bmp"),
        ImageType::Tiff => Some("tiff"),
        _ => None,
    }
}
