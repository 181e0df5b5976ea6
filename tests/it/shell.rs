//! `fitout completions` and `fitout man`: what shells and `man` get.

use crate::context::TestContext;

/// The commands that `fitout --help` lists.
fn commands(context: &TestContext) -> Vec<String> {
    let help = context.fitout(&["--help"]).stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let names = list.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split_whitespace().next()?;
        (!line.starts_with("   ") && name != "help").then(|| name.to_owned())
    });
    names.collect()
}

#[test]
fn bash_completes_every_command() {
    let context = TestContext::new();
    let ran = context.fitout(&["completions", "bash"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    context.write("home/complete.bash", &ran.stdout);
    let script = "source ../home/complete.bash
        COMP_WORDS=(fitout '') COMP_CWORD=1
        _fitout fitout '' fitout
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = context
        .command("bash")
        .args(["-c", script])
        .output()
        .unwrap();
    let offered = String::from_utf8(output.stdout).unwrap();
    let commands = commands(&context);
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        assert!(
            offered.lines().any(|it| it == command),
            "{command}: {offered}"
        );
    }
}

#[test]
fn every_shell_has_a_script() {
    let context = TestContext::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = context.fitout(&["completions", shell]);
        assert!(ran.stdout.contains("generate"), "{shell}: {}", ran.stderr);
    }
    assert_eq!(context.fitout(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn every_command_has_a_page() {
    let context = TestContext::new();
    let ran = context.fitout(&["man", "--dir", "share/man1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let mut expected: Vec<String> = commands(&context)
        .into_iter()
        .map(|command| format!("fitout-{command}.1"))
        .collect();
    expected.push("fitout.1".to_owned());
    expected.sort();
    assert_eq!(context.names("ws/share/man1"), expected);
    for page in expected {
        let text = context.read(&format!("ws/share/man1/{page}"));
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    let printed = context.fitout(&["man"]);
    assert_eq!(printed.stdout, context.read("ws/share/man1/fitout.1"));
}
