//! The contents of volumes, and the volumes of a project.
//!
//! Reads a volume in a running container that uses it or, if there is none, in a temporary one
//! (`--rm`), so that nothing is left behind by a killed run.

use super::Docker;
use crate::host::process::RunError;

/// The mount point of a volume in a temporary container.
const PLACE: &str = "/fitout";
/// Prints the path and the contents of the first of the given files that exists.
const FIRST_FILE: &str = r#"cd "$1" || exit
shift
for file; do
  if [ -f "$file" ]; then
    echo "$file"
    exec head -c 100 "$file"
  fi
done"#;
/// `docker run` itself failed, and not what it ran: docker-run(1), "Exit status".
const NOT_RUN: i32 = 125;

/// How to read a volume.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// In a running container that has it mounted.
    Container(&'a str),
    /// With one of these images, if available locally; none is pulled.
    Images(&'a [&'a str]),
}

/// Why a volume could not be read.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The program `docker` failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The error of the engine or the image.
    #[error("can't read the volume: {0}")]
    Refused(String),
}

impl Docker {
    /// Returns the path and the beginning of the first of these files that exists in the volume;
    /// none if none does.
    pub fn first_in_volume(
        &self,
        volume: &str,
        paths: &[String],
        asked: Asked<'_>,
    ) -> Result<Option<(String, String)>, VolumeError> {
        let script = |place: &str| {
            let words = ["sh", "-c", FIRST_FILE, "sh", place].map(str::to_owned);
            [&words[..], paths].concat()
        };
        let output = match asked {
            Asked::Container(container) => {
                let volumes = self.volumes_of(container)?;
                let Some(found) = volumes.iter().find(|found| found.name == volume) else {
                    return Ok(None);
                };
                let start = ["exec", container].map(str::to_owned);
                self.run_all(&[&start[..], &script(&found.target)].concat())?
            }
            Asked::Images(images) => {
                let mount = format!("type=volume,src={volume},dst={PLACE},readonly,volume-nocopy");
                let mut output = None;
                for image in images {
                    let script = script(PLACE);
                    let start = [
                        "run",
                        "--rm",
                        "--pull",
                        "never",
                        "--network",
                        "none",
                        "--user",
                        "0",
                        "--mount",
                        &mount,
                        "--entrypoint",
                        &script[0],
                        image,
                    ]
                    .map(str::to_owned);
                    let ran = self.run_all(&[&start[..], &script[1..]].concat())?;
                    let is_there = ran.status.code() != Some(NOT_RUN);
                    output = Some(ran);
                    if is_there {
                        break;
                    }
                }
                output.ok_or_else(|| VolumeError::Refused("no image".to_owned()))?
            }
        };
        if !output.status.success() {
            let words = output.stderr.lines().rfind(|line| !line.trim().is_empty());
            let words = words.unwrap_or("no reason given").trim();
            return Err(VolumeError::Refused(words.to_owned()));
        }
        let found = output.stdout.split_once('\n');
        Ok(found.map(|(path, text)| (path.to_owned(), text.to_owned())))
    }

    /// Returns the volumes of a Compose project, with their names in the engine and in the compose
    /// file. None if no engine responds.
    pub fn volumes_of_project(&self, project: &str) -> Option<Vec<(String, String)>> {
        let filter = format!("label=com.docker.compose.project={project}");
        let format = "{{.Name}}\t{{.Label \"com.docker.compose.volume\"}}";
        let output = self
            .run(&["volume", "ls", "--filter", &filter, "--format", format])
            .ok()?;
        let lines = output.stdout.lines().map(str::trim_end);
        let volumes = lines.filter_map(|line| line.split_once('\t'));
        let volumes = volumes.map(|(name, key)| (name.to_owned(), key.to_owned()));
        output.status.success().then(|| volumes.collect())
    }

    fn run_all(&self, arguments: &[String]) -> Result<crate::host::process::Output, RunError> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.run(&arguments)
    }
}
