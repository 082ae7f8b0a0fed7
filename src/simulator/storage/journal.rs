//! The journal: one line of JSON per change, appended, never altered.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::simulator::storage::index::{Change, Index};

/// Says what the lines mean; a later form of them gets another number.
const FORMAT: &str = "oss-valet simulator 1";

/// A journal is written anew at the start when it has this many lines for each that is needed, and [`FEW_LINES`] more.
const WASTE: usize = 2;
const FEW_LINES: usize = 1024;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    format: String,
}

/// The open file, at its end.
#[derive(Debug)]
pub(in crate::simulator) struct Journal {
    file: File,
    length: u64,
}

impl Journal {
    /// Reads all changes into `index`, then stands ready for more. What a kill left of a last line is cut off: it was
    /// never answered.
    pub(in crate::simulator) fn open(path: &Path, index: &mut Index) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let (length, lines) = replay(&file, index)?;
        if length == 0 || lines > WASTE * index.change_count() + FEW_LINES {
            return Self::write_anew(path, index);
        }
        file.set_len(length)?;
        Ok(Self { file, length })
    }

    /// Only what is needed, under the same name at once.
    fn write_anew(path: &Path, index: &Index) -> io::Result<Self> {
        let aside = path.with_extension("new");
        let mut writer = BufWriter::new(File::create(&aside)?);
        write_line(&mut writer, &Head { format: FORMAT.to_owned() })?;
        for change in index.changes() {
            write_line(&mut writer, &change)?;
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        std::fs::rename(&aside, path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Writes the change with one `write`: from here on it survives the process.
    pub(in crate::simulator) fn append(&mut self, change: &Change) -> io::Result<()> {
        let mut line = Vec::with_capacity(1024);
        write_line(&mut line, change)?;
        if let Err(error) = self.file.write_all_at(&line, self.length) {
            // Half a line would spoil the next one.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

fn write_line(mut writer: impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut writer, line)?;
    writer.write_all(b"\n")
}

/// How many bytes are whole lines, and how many lines they are.
fn replay(file: &File, index: &mut Index) -> io::Result<(u64, usize)> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut length, mut lines, mut line) = (0, 0, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.pop_if(|last| *last == b'\n').is_none() {
            return Ok((length, lines));
        }
        lines += 1;
        if lines == 1 {
            check_head(&line)?;
        } else {
            index.apply(serde_json::from_slice(&line).map_err(|error| damaged(lines, &error))?);
        }
        length += read as u64;
    }
}

fn check_head(line: &[u8]) -> io::Result<()> {
    let head: Head = serde_json::from_slice(line).map_err(|error| damaged(1, &error))?;
    if head.format == FORMAT {
        return Ok(());
    }
    let message = format!("its journal is of the form \"{}\", not \"{FORMAT}\": take an empty folder", head.format);
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

fn damaged(line: usize, error: &serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("line {line} of its journal is damaged: {error}"))
}
