namespace FineTuneTool.Engine.Evaluation;

/// <summary>How every page begins: nothing may be fetched or run from it.</summary>
internal static class PageHead
{
    /// <param name="title">Text, escaped; so is <paramref name="heading"/>.</param>
    /// <param name="lead">A sentence under the heading, as HTML.</param>
    /// <param name="css">Style besides that of all pages.</param>
    public static string Of(string title, string heading, string lead, string css = "") => $$"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="color-scheme" content="light dark">
        <title>{{title}}</title>
        <style>
        {{ReportStyle.Css}}
        {{css}}
        </style>
        </head>
        <body>
        <main>
        <header>
        <h1>{{heading}}</h1>
        <p class="lead">{{lead}}</p>
        </header>

        """.ReplaceLineEndings("\n");
}
