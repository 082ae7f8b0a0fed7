//! The size of an image, for `imageInfo.*` (P§1.5).

use std::io::{BufRead, Seek};

use imagesize::ImageType;

use crate::oss::callback::ImageInfo;

/// So many bytes tell whether it is an image.
pub(in crate::simulator) const MAGIC_BYTES: usize = 16;

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

/// Whether these first bytes are an image's.
pub(in crate::simulator) fn is_image(magic: &[u8]) -> bool {
    format(magic).is_some()
}

/// Reads the header of a file that begins with `magic`.
pub(in crate::simulator) fn inspect(magic: &[u8], file: impl BufRead + Seek) -> Image {
    let Some(format) = format(magic) else { return Image::None };
    match imagesize::reader_size(file) {
        Ok(size) => match (u32::try_from(size.width), u32::try_from(size.height)) {
            (Ok(width), Ok(height)) => Image::Known(ImageInfo { width, height, format: format.to_owned() }),
            _ => Image::Broken,
        },
        Err(_) => Image::Broken,
    }
}

/// The name of the format, when OSS reads it.
fn format(magic: &[u8]) -> Option<&'static str> {
    let magic = &magic[..magic.len().min(MAGIC_BYTES)];
    match imagesize::image_type(magic).ok()? {
        ImageType::Png => Some("png"),
        ImageType::Jpeg => Some("jpg"),
        ImageType::Gif => Some("gif"),
        ImageType::Webp => Some("webp"),
        ImageType::Bmp => Some("bmp"),
        ImageType::Tiff => Some("tiff"),
        _ => None,
    }
}
