using System.Text;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>
/// Writes a template so that it prints the same under any rule for white space: text between tags becomes string literals,
/// and every tag strips what is beside it.
/// </summary>
internal static class TightSource
{
    private static readonly string[] Keywords = ["in", "not", "and", "or", "if", "elif", "else", "is", "set", "for"];

    /// <param name="trim">How the template was meant, as in <see cref="JinjaLexer.Tokenize"/>.</param>
    /// <exception cref="JinjaError">The template cannot be cut into tokens.</exception>
    public static string Of(string template, bool trim)
    {
        var text = new StringBuilder();
        JinjaToken before = default;
        foreach (JinjaToken token in JinjaLexer.Tokenize(template, trim))
        {
            _ = token.Kind switch
            {
                JinjaTokenKind.Data => text.Append("{{- ").Append(Literal(token.Text)).Append(" -}}"),
                JinjaTokenKind.VariableBegin => text.Append("{{- "),
                JinjaTokenKind.BlockBegin => text.Append("{%- "),
                JinjaTokenKind.VariableEnd => text.Append(" -}}"),
                JinjaTokenKind.BlockEnd => text.Append(" -%}"),
                JinjaTokenKind.End => text,
                _ => text.Append(Touches(before, token) ? "" : " ").Append(token.Kind == JinjaTokenKind.String ? Literal(token.Text) : token.Text),
            };
            before = token;
        }

        return text.ToString();
    }

    /// <summary>A text as a string literal that Python, and those who read templates after its manner, read alike.</summary>
    public static string Literal(string text) =>
        "'" + text.Replace("\\", "\\\\").Replace("'", "\\'").Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t") + "'";

    /// <summary>Whether no space stands between two tokens inside a tag.</summary>
    private static bool Touches(JinjaToken left, JinjaToken right)
    {
        bool begins = left.Kind is JinjaTokenKind.VariableBegin or JinjaTokenKind.BlockBegin || left.IsOperator("(") || left.IsOperator("[") || left.IsOperator(".");
        bool continues = right.IsOperator(".") || right.IsOperator(")") || right.IsOperator("]") || right.IsOperator(",");
        bool calls = (right.IsOperator("(") || right.IsOperator("["))
            && (left.IsOperator(")") || left.IsOperator("]") || (left.Kind == JinjaTokenKind.Name && !Keywords.Contains(left.Text)));
        return begins || continues || calls;
    }
}
