#!/bin/sh
# GET /: counts this visit through the API and fills its answer into page.html: {{visits}} there
# becomes the value of "visits".
set -eu

if SUMMARY=$(wget -q -T 2 -O - --post-data '' "$API_URL/cgi-bin/visit"); then
    printf 'Status: 200 OK\r\n'
    STATE=up
else
    printf 'Status: 502 Bad Gateway\r\n'
    STATE=down
    SUMMARY='{"message": "The API or the store does not answer. Try: fitout doctor"}'
fi
printf 'Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\r\n'

WEB=$(hostname)
export SUMMARY STATE WEB
awk '
    # The value of a name in a flat JSON object, where it is a number or a string.
    function field(name,    text) {
        if (!match(ENVIRON["SUMMARY"], "\"" name "\": *(\"([^\"\\\\]|\\\\.)*\"|[0-9]+)")) return "–"
        text = substr(ENVIRON["SUMMARY"], RSTART, RLENGTH)
        sub(/^"[^"]*": */, "", text)
        if (text ~ /^"/) text = substr(text, 2, length(text) - 2)
        gsub(/\\"/, "\"", text)
        gsub(/\\\\/, "\\", text)
        return text
    }
    function html(text) {
        gsub(/&/, "\\&amp;", text)
        gsub(/</, "\\&lt;", text)
        gsub(/>/, "\\&gt;", text)
        gsub(/"/, "\\&quot;", text)
        return text
    }
    function value(name) {
        if (name == "state") return ENVIRON["STATE"]
        if (name == "web") return ENVIRON["WEB"]
        if (name == "api_url") return ENVIRON["API_URL"]
        return field(name)
    }
    {
        rest = $0
        while (match(rest, /\{\{[a-z_]+\}\}/)) {
            before = substr(rest, 1, RSTART - 1)
            name = substr(rest, RSTART + 2, RLENGTH - 4)
            rest = substr(rest, RSTART + RLENGTH)
            printf "%s%s", before, html(value(name))
        }
        print rest
    }
' ../../page.html
