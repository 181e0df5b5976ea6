//! `.env` and `.gitignore`: what the user has there stays, byte for byte.

use std::sync::LazyLock;

use fitout::doctor::variables::Variables;
use fitout::dotenv::{self, BrokenBlock, Machine};
use fitout::workspace::{Personal, Workspace};

use super::mutation::{self, Numbers};
use super::{Kind, example};

pub const KIND: Kind = Kind {
    name: "dotenv",
    seeds,
    mutate,
    hold,
};

const BEGIN: &str = "# >>> fitout >>>";
const END: &str = "# <<< fitout <<<";

static EXAMPLE: LazyLock<Workspace> = LazyLock::new(example);

fn machine() -> Machine {
    Machine {
        uid: 501,
        gid: 20,
        host_ip: "172.17.0.1".to_owned(),
        host_gateway: "host-gateway".to_owned(),
    }
}

fn seeds() -> Vec<String> {
    let own = "SECRET=a=b # c\nexport KEY=\"one\ntwo\\\"\"\nHOST_UID=7\nLAST='it''s ${HOME}'\n\n";
    let personal = Personal::default();
    vec![
        String::new(),
        own.to_owned(),
        own.replace('\n', "\r\n"),
        dotenv::env(own, &EXAMPLE, &personal, &machine()).unwrap() + "AFTER=1",
        dotenv::gitignore("/target\n!*.rs\n", &EXAMPLE).unwrap() + "\r\nlast",
    ]
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let pieces = [
        BEGIN,
        END,
        "\n# >>> fitout >>>\n",
        "\n# <<< fitout <<<\r\n",
        "export ",
        "HOST_UID=",
        "COMPOSE_PROJECT_NAME=",
        "AUTH_PORT_3000=",
        "\\n",
        "${HOST_UID:-x}",
    ];
    mutation::text(bytes, &pieces, numbers)
}

type Write<'a> = &'a dyn Fn(&str) -> Result<String, BrokenBlock>;

fn hold(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    let (workspace, personal) = (&*EXAMPLE, Personal::default());
    let writes: [Write<'_>; 2] = [
        &|text| dotenv::env(text, workspace, &personal, &machine()),
        &|text| dotenv::gitignore(text, workspace),
    ];
    for write in writes {
        let text = match write(source) {
            Ok(text) => text,
            Err(broken) => {
                assert!(marks(source) > 0, "{source:?}");
                let line = source.lines().nth(broken.line - 1).map(str::trim);
                assert_eq!(line, Some(broken.marker), "{source:?}");
                continue;
            }
        };
        if marks(source) > 0 {
            assert_eq!(outside(&text), outside(source), "{source:?}");
        } else {
            assert!(text.starts_with(source), "{source:?}");
            assert_eq!(outside(&text[source.len()..]).trim(), "", "{source:?}");
        }
        assert_eq!(write(&text).as_ref(), Ok(&text), "{source:?}");
    }
    let own: Vec<&str> = dotenv::variables(source).collect();
    if let Ok(text) = dotenv::env(source, workspace, &personal, &machine())
        && marks(source) == 0
    {
        let block: Vec<&str> = dotenv::variables(&text[source.len()..]).collect();
        for name in own {
            assert!(!block.contains(&name), "{name} of {source:?}");
        }
    }
    if let Ok((text, left_out)) = dotenv::carried_over(source, workspace, &personal) {
        assert!(text.len() <= source.len());
        assert_eq!(marks(&text), 0, "{source:?}");
        if left_out.is_empty() {
            assert_eq!(text, outside(source), "{source:?}");
        }
    }
    let _ = Variables::new([], source).get("HOST_UID");
}

fn marks(text: &str) -> usize {
    let lines = text.split_inclusive('\n').map(str::trim);
    lines.filter(|line| [BEGIN, END].contains(line)).count()
}

/// Every byte outside of the block, found without the code under test.
fn outside(text: &str) -> String {
    let mut is_inside = false;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        is_inside |= line.trim() == BEGIN;
        if !is_inside {
            kept.push_str(line);
        }
        is_inside &= line.trim() != END;
    }
    kept
}
