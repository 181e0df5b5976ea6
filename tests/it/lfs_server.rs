//! The part of a git server that keeps the files of Git LFS: its batch API and its downloads.
//!
//! The files lie where git-lfs itself puts them when a remote is a folder: `NAME.git/lfs/objects`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// An answer of the server.
pub struct Answer {
    /// With its words.
    status: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Answer {
    pub fn send(&self, stream: &mut impl Write) -> std::io::Result<()> {
        write!(
            stream,
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            self.status,
            self.content_type,
            self.body.len()
        )?;
        stream.write_all(&self.body)?;
        stream.flush()
    }
}

/// Answers what is asked of Git LFS; none for what is git's own. `base` is the URL of the server,
/// without a slash at its end.
pub fn answer(folder: &Path, base: &str, path: &str, body: &[u8]) -> Option<Answer> {
    let (repository, request) = path.trim_start_matches('/').split_once("/info/lfs/")?;
    let store = folder.join(repository).join("lfs/objects");
    if request == "objects/batch" {
        let batch: Value = serde_json::from_slice(body).unwrap();
        let files = format!("{base}/{repository}/info/lfs/files");
        return Some(json_answer("200 OK", &download(&store, &files, &batch)));
    }
    let found = request.strip_prefix("files/");
    let found = found.and_then(|oid| fs::read(file(&store, oid)).ok());
    Some(match found {
        Some(body) => Answer {
            status: "200 OK",
            content_type: "application/octet-stream",
            body,
        },
        None => json_answer("404 Not Found", &json!({ "message": "not here" })),
    })
}

/// Where each file is to be had: the batch API of Git LFS, docs/api/batch.md.
fn download(store: &Path, files: &str, batch: &Value) -> Value {
    let objects = batch["objects"].as_array().unwrap().iter();
    let objects: Vec<Value> = objects
        .map(|object| {
            let oid = object["oid"].as_str().unwrap();
            let mut answer = json!({ "oid": oid, "size": object["size"] });
            if file(store, oid).exists() {
                answer["actions"] = json!({ "download": { "href": format!("{files}/{oid}") } });
            } else {
                answer["error"] = json!({ "code": 404, "message": "Object does not exist" });
            }
            answer
        })
        .collect();
    json!({ "transfer": "basic", "objects": objects })
}

fn json_answer(status: &'static str, value: &Value) -> Answer {
    Answer {
        status,
        content_type: "application/vnd.git-lfs+json",
        body: value.to_string().into_bytes(),
    }
}

fn file(store: &Path, oid: &str) -> PathBuf {
    store.join(&oid[..2]).join(&oid[2..4]).join(oid)
}
