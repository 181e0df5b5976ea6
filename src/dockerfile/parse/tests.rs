//! What the parser reads, by example, and that nothing makes it stop.

use super::*;

/// The instructions as `KEYWORD arguments`, and the problems as `line: message`.
fn shown(source: &str) -> (Vec<String>, Vec<String>) {
    let file = parse(source);
    let instructions = file.instructions.iter().map(|instruction| {
        let onbuild = if instruction.onbuild { "ONBUILD " } else { "" };
        let words: Vec<String> = instruction
            .words()
            .into_iter()
            .map(|word| word.text)
            .collect();
        format!(
            "{onbuild}{} {}",
            instruction.keyword.name(),
            words.join("|")
        )
    });
    let problems = file.problems.iter().map(|problem| {
        let line = source[..problem.span.start].matches('\n').count() + 1;
        format!("{line}: {}", problem.message)
    });
    (instructions.collect(), problems.collect())
}

#[test]
fn reads_what_docker_reads() {
    let cases: [(&str, &[&str]); 22] = [
        ("from a as b", &["FROM a|as|b"]),
        (
            "FROM a\nRUN <<EOF\nRUM x\nEOF\nRUN y",
            &["FROM a", "RUN <<EOF", "RUN y"],
        ),
        (
            "FROM a\nCOPY <<A <<B /x/\none\nA\ntwo\nB\nRUN y",
            &["FROM a", "COPY <<A|<<B|/x/", "RUN y"],
        ),
        (
            "FROM a\nRUN cat <<EOF > /x && echo\nhi\nEOF\nRUN y",
            &["FROM a", "RUN cat|<<EOF|>|/x|&&|echo", "RUN y"],
        ),
        (
            "FROM a\nRUN cat 3<<EOF\nhi\nEOF\nRUN y",
            &["FROM a", "RUN cat|3<<EOF", "RUN y"],
        ),
        (
            "FROM a\nRUN a && \\\n cat <<EOF\nhi\nEOF\nRUN y",
            &["FROM a", "RUN a|&&|cat|<<EOF", "RUN y"],
        ),
        (
            "FROM a\nRUN <<-'E F'\n\thi\n\tE F\nRUN y",
            &["FROM a", "RUN <<-E F", "RUN y"],
        ),
        (
            "FROM a\nONBUILD RUN <<EOF\nhi\nEOF\nRUN y",
            &["FROM a", "ONBUILD RUN <<EOF", "RUN y"],
        ),
        (
            "FROM a\nRUN echo \"<<EOF\"\nRUN y",
            &["FROM a", "RUN echo|<<EOF", "RUN y"],
        ),
        (
            "FROM a\nRUN cat <<<EOF\nRUN y",
            &["FROM a", "RUN cat|<<<EOF", "RUN y"],
        ),
        (
            "FROM a\nRUN echo $((1<<2))\nRUN y",
            &["FROM a", "RUN echo|$((1<<2))", "RUN y"],
        ),
        ("FROM a\nCMD echo <<EOF", &["FROM a", "CMD echo|<<EOF"]),
        (
            "FROM a\nRUN a \\\n# why\n\n  # why not\n  b\nRUN y",
            &["FROM a", "RUN a|b", "RUN y"],
        ),
        ("FROM a\nRUN a \\  \n b", &["FROM a", "RUN a|b"]),
        ("FROM a\nRUN a\\\\\nRUN b", &["FROM a", "RUN a\\", "RUN b"]),
        ("FROM a\nRUN a \\", &["FROM a", "RUN a"]),
        (
            "# escape=`\nFROM a\nRUN dir c:\\ `\n b",
            &["FROM a", "RUN dir|c:\\|b"],
        ),
        (
            "# c\n# escape=`\nFROM a\nRUN a \\\n b",
            &["FROM a", "RUN a|b"],
        ),
        (
            "\u{feff}# syntax=docker/dockerfile:1\r\nFROM a\r\nRUN a \\\r\n  b\r\n",
            &["FROM a", "RUN a|b"],
        ),
        (
            "FROM a\nRUN <<EOF\r\nhi\r\nEOF\r\nRUN y\r\n",
            &["FROM a", "RUN <<EOF", "RUN y"],
        ),
        (
            "FROM a\nCOPY --from=b [\"a b\", \"/c\"]",
            &["FROM a", "COPY a b|/c"],
        ),
        (
            "FROM a\nCOPY 'a b' c\\ d \"e\\\"f\" /g",
            &["FROM a", "COPY a b|c d|e\"f|/g"],
        ),
    ];
    for (source, expected) in cases {
        let (instructions, problems) = shown(source);
        assert_eq!(instructions, expected, "{source}");
        assert_eq!(problems, [""; 0], "{source}");
    }
}

#[test]
fn says_what_it_cannot_read_and_where() {
    let cases: [(&str, &[&str]); 14] = [
        ("", &["1: there is no `FROM`"]),
        ("# only\n\n", &["1: there is no `FROM`"]),
        (
            "RUN a\nFROM b",
            &["1: `RUN` before the first `FROM`; only `ARG` is allowed there"],
        ),
        (
            "FROM a\nRUM b\nCOPPY c d",
            &[
                "2: unknown instruction `RUM`; did you mean `RUN`?",
                "3: unknown instruction `COPPY`; did you mean `COPY`?",
            ],
        ),
        ("FROM a\nhi", &["2: unknown instruction `hi`"]),
        (
            "FROM a b c",
            &["1: expected `FROM image` or `FROM image AS name`"],
        ),
        (
            "FROM a\nCOPY b",
            &["2: `COPY` needs a source and a destination"],
        ),
        ("FROM a\nRUN", &["2: `RUN` needs an argument"]),
        ("FROM a\nENV B", &["2: `ENV` needs a name and a value"]),
        (
            "FROM a\nSHELL bash",
            &["2: `SHELL` takes its arguments as a JSON list"],
        ),
        (
            "FROM a\nRUN cat <<EOF\nhi\n",
            &["2: the heredoc `EOF` is not terminated"],
        ),
        (
            "FROM a\nONBUILD FROM b",
            &["2: `ONBUILD FROM` is not allowed"],
        ),
        (
            "# escape=x\nFROM a",
            &["1: the escape character must be a backslash or a backtick, not `x`"],
        ),
        (
            "# escape=\\\n# escape=`\nFROM a",
            &["2: duplicate directive `escape`"],
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(shown(source).1, expected, "{source:?}");
    }
}

#[test]
fn spans_lead_to_the_source() {
    let source = "\u{feff}FROM é AS x\r\nRUN --mount=type=cache a \\\r\n  # c\r\n  b\r\nENV A=1 \"B=2 3\"\r\nRUN <<X\r\n1\r\nX\r\n";
    let file = parse(source);
    let text = |span: &Range<usize>| &source[span.clone()];
    let spans: Vec<&str> = file
        .instructions
        .iter()
        .map(|one| text(&one.span))
        .collect();
    assert_eq!(
        spans,
        [
            "FROM é AS x",
            "RUN --mount=type=cache a \\\r\n  # c\r\n  b",
            "ENV A=1 \"B=2 3\"",
            "RUN <<X\r\n1\r\nX"
        ]
    );
    let run = &file.instructions[1];
    assert_eq!(text(&run.flags[0].span), "--mount=type=cache");
    assert_eq!(text(&run.words()[1].span), "b");
    let values: Vec<String> = file.instructions[2]
        .pairs()
        .into_iter()
        .map(|pair| format!("{}={}", pair.name.text, pair.value.unwrap().text))
        .collect();
    assert_eq!(values, ["A=1", "B=2 3"]);
    assert_eq!(text(&file.instructions[3].heredocs[0].body), "1\r\n");
    assert_eq!(text(&file.comments[0].span), "# c");
}

#[test]
fn a_file_for_another_frontend_is_told_apart() {
    let cases = [
        ("FROM a", true),
        ("# syntax=docker/dockerfile:1.7-labs\nFROM a", true),
        (
            "# syntax = docker.io/docker/dockerfile-upstream:master\nFROM a",
            true,
        ),
        ("# syntax=example.com/mine\nFROM a", false),
        ("# syntax=docker/dockerfiles\nFROM a", false),
    ];
    for (source, expected) in cases {
        assert_eq!(
            parse(source).is_for_dockers_frontend(),
            expected,
            "{source}"
        );
    }
}
