namespace FineTuneTool.Engine.Diagnostics;

public static partial class Codes
{
    public static readonly DiagnosticCode BadTokenizer = new("FT0201", "The tokenizer cannot be read");
    public static readonly DiagnosticCode UnsupportedTokenizer = new("FT0202", "The tokenizer uses a part that is not supported");
    public static readonly DiagnosticCode TemplateSyntax = new("FT0251", "A template has a syntax error");
    public static readonly DiagnosticCode TemplateFailed = new("FT0252", "A template failed on a conversation");
    public static readonly DiagnosticCode TemplateDoesNotFit = new("FT0253", "The template does not fit the data or the tokenizer");
    public static readonly DiagnosticCode TemplateMissing = new("FT0254", "The prompt template cannot be found");

    private static IReadOnlyList<DiagnosticCode> Text => [BadTokenizer, UnsupportedTokenizer, TemplateSyntax, TemplateFailed, TemplateDoesNotFit, TemplateMissing];
}
