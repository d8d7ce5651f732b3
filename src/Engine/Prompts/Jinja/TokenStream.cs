using System.Runtime.CompilerServices;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>The tokens of a template with a place to read from.</summary>
internal sealed class TokenStream(List<JinjaToken> tokens)
{
    private const int MaxDepth = 200;

    private int _at;
    private int _depth;

    public JinjaToken Current => tokens[_at];

    public JinjaToken Ahead => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public JinjaToken Next()
    {
        JinjaToken token = Current;
        if (_at + 1 < tokens.Count)
        {
            _at++;
        }

        return token;
    }

    public bool SkipName(string text) => Skip(Current.IsName(text));

    public bool SkipOperator(string text) => Skip(Current.IsOperator(text));

    public JinjaToken Expect(JinjaTokenKind kind, string description) =>
        Current.Kind == kind ? Next() : throw Error($"expected token '{description}', got '{Current}'");

    public void ExpectOperator(string text)
    {
        if (!SkipOperator(text))
        {
            throw Error($"expected token '{text}', got '{Current}'");
        }
    }

    public void ExpectName(string text)
    {
        if (!SkipName(text))
        {
            throw Error($"expected token '{text}', got '{Current}'");
        }
    }

    public void ExpectBlockEnd()
    {
        if (Current.Kind == JinjaTokenKind.End)
        {
            throw Error("unexpected end of template, expected 'end of statement block'.");
        }

        Expect(JinjaTokenKind.BlockEnd, "end of statement block");
    }

    public JinjaError Error(string message) => new(JinjaErrorKind.Syntax, message, Current.Line);

    /// <summary>Guards every recursive rule: brackets and blocks nested without end are an error, not a stack overflow.</summary>
    public T Nested<T>(Func<T> rule)
    {
        if (++_depth > MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw Error("the template is nested too deeply");
        }

        T result = rule();
        _depth--;
        return result;
    }

    private bool Skip(bool matches)
    {
        if (matches)
        {
            Next();
        }

        return matches;
    }
}
