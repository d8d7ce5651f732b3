namespace FineTuneTool.Engine.Evaluation;

/// <summary>The look of the report: fonts of the reader's system, light or dark as the system is.</summary>
internal static class ReportStyle
{
    public const string Css = """
        :root {
          --paper: #ffffff; --ink: #1c2024; --muted: #60646c; --line: #e3e5e8; --panel: #f6f7f8;
          --accent: #2f6f9f; --soft: #b9c4cf; --good: #2b7a4b; --bad: #b3372e; --warn: #97690c;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #15181b; --ink: #e8eaed; --muted: #9ba1a8; --line: #2c3136; --panel: #1c2024;
            --accent: #74b3e0; --soft: #56606a; --good: #6cc48f; --bad: #f08a80; --warn: #e0b35c;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK KR", sans-serif; }
        main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
        h1 { margin: 0; font-size: 1.75rem; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
        h2 { margin: 2.75rem 0 0.75rem; font-size: 1.1rem; font-weight: 600; }
        h3 { margin: 0 0 0.35rem; font-size: 0.8rem; font-weight: 500; color: var(--muted); }
        .lead { margin: 0.25rem 0 0; color: var(--muted); }
        .muted { color: var(--muted); font-weight: 400; }
        code { font: 0.9em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 0.75rem; margin-top: 1.75rem; }
        .tile { display: flex; flex-direction: column; padding: 0.9rem 1.1rem; background: var(--panel); border-radius: 0.5rem; }
        .tile .name, .tile .was { color: var(--muted); font-size: 0.85rem; }
        .tile .value { font-size: 1.7rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
        .gates { list-style: none; margin: 0; padding: 0; }
        .gates li { padding: 0.35rem 0; font-variant-numeric: tabular-nums; }
        .badge { display: inline-block; min-width: 4.75rem; padding: 0.05rem 0.5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: 0.8rem; text-align: center; margin-right: 0.4rem; }
        .passed, .better { color: var(--good); }
        .failed, .worse { color: var(--bad); }
        .warned { color: var(--warn); }
        table { width: 100%; border-collapse: collapse; }
        th { color: var(--muted); font-size: 0.85rem; font-weight: 500; text-align: left; }
        th, td { padding: 0.4rem 0.75rem 0.4rem 0; vertical-align: top; }
        tbody { border-top: 1px solid var(--line); }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding: 0.4rem 0 0.4rem 0.6rem; }
        svg { display: block; width: 100%; height: auto; }
        svg + svg { margin-top: 1.25rem; }
        .grid { stroke: var(--line); stroke-width: 1; }
        .tick, .axis { fill: var(--muted); font-size: 12px; font-variant-numeric: tabular-nums; }
        .end { text-anchor: end; }
        .middle { text-anchor: middle; }
        polyline { fill: none; stroke-linejoin: round; stroke-linecap: round; }
        polyline.train { stroke: var(--soft); stroke-width: 1.5; }
        polyline.eval { stroke: var(--accent); stroke-width: 2.25; }
        circle.eval { fill: var(--paper); stroke: var(--accent); stroke-width: 2; }
        .bar { fill: var(--accent); }
        .legend { margin: 0 0 0.5rem; color: var(--muted); font-size: 0.85rem; }
        .key { display: inline-block; width: 1.4rem; height: 0; margin: 0 0.3rem 0.25rem 0.9rem; border-top: 2px solid; }
        .key:first-child { margin-left: 0; }
        .key.train { border-color: var(--soft); }
        .key.eval { border-color: var(--accent); }
        .sample { margin: 0 0 1.75rem; }
        .sample p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
        .sample .prompt { font-weight: 550; margin-bottom: 0.6rem; }
        .answers { display: grid; grid-template-columns: 1fr 1fr; gap: 0.75rem; font-size: 0.95rem; }
        .answers > div { padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.5rem; min-width: 0; }
        .answers > .after { background: var(--panel); border-color: var(--panel); }
        .settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); column-gap: 2rem; margin: 0; font-size: 0.9rem; }
        .settings div { display: flex; justify-content: space-between; gap: 1rem; padding: 0.3rem 0; border-bottom: 1px solid var(--line); }
        .facts { margin: 0.75rem 0 1.5rem; }
        dt { color: var(--muted); }
        dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        @media (max-width: 40rem) { .answers { grid-template-columns: 1fr; } }
        """;
}
