//! What is in a volume, and which volumes a project has.
//!
//! A running container that has the volume is asked; where there is none, one that goes by itself
//! (`--rm`), so that nothing is left behind by who is killed.

use super::Docker;
use crate::host::process::RunError;

/// Where a volume is in a container that is made for it.
const PLACE: &str = "/fitout";
/// Prints the first file that there is of those that are named, its path on a line before it.
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

/// Who can be asked what is in a volume.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// A container that runs, and has it mounted.
    Container(&'a str),
    /// Images with a shell, of which one may be here; none is pulled.
    Images(&'a [&'a str]),
}

/// Why a volume could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The program `docker` did not do its work.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The engine or the image says why.
    #[error("can't look into the volume: {0}")]
    Refused(String),
}

impl Docker {
    /// The first of these files that is in the volume: its path and how its text begins. None where none is.
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

    /// The volumes of a Compose project: how the engine and how the Compose file calls each. None where no
    /// engine answers.
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
