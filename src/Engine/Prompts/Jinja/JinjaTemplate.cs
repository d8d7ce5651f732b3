using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja.Values;

namespace FineTuneTool.Engine.Prompts.Jinja;

/// <summary>
/// A Jinja template as Hugging Face renders chat templates: the semantics of Python's values, trim_blocks, lstrip_blocks, loop controls,
/// the generation tag; nothing escaped, nothing loaded, and every rendering bounded in steps, depth and size.
/// </summary>
public sealed class JinjaTemplate
{
    /// <summary>Largest template, in characters: the longest of known models stay below a twentieth of it.</summary>
    private const int MaxLength = 1 << 20;

    private readonly IReadOnlyList<Statement> _statements;

    private JinjaTemplate(IReadOnlyList<Statement> statements, string source, string name) => (_statements, Source, Name) = (statements, source, name);

    public string Source { get; }

    /// <summary>The file, or what else the template is called in diagnostics.</summary>
    public string Name { get; }

    /// <param name="firstLine">Line of the file on which the template begins.</param>
    /// <exception cref="FineTuneException">FT0251: the template has a syntax error.</exception>
    public static JinjaTemplate Parse(string source, string name, int firstLine = 1) => Parse(source, name, firstLine, trim: true);

    /// <summary>A text with holes rather than a chat template: every newline and blank stays as written.</summary>
    /// <exception cref="FineTuneException">FT0251: the template has a syntax error.</exception>
    public static JinjaTemplate ParseText(string source, string name, int firstLine = 1) => Parse(source, name, firstLine, trim: false);

    private static JinjaTemplate Parse(string source, string name, int firstLine, bool trim)
    {
        if (source.Length > MaxLength)
        {
            throw new FineTuneException(Codes.TemplateSyntax, $"The template is longer than {MaxLength} characters.", "This is not a chat template.", new SourcePosition(name));
        }

        try
        {
            return new JinjaTemplate(JinjaParser.Parse(source, trim), source, name) { FirstLine = firstLine };
        }
        catch (JinjaError error)
        {
            throw new FineTuneException(Codes.TemplateSyntax, Sentence(error.Message), "Correct the template.",
                new SourcePosition(name, firstLine + Math.Max(error.Line, 1) - 1), error);
        }
    }

    /// <summary>The template marks what the assistant says, with {% generation %}.</summary>
    public bool HasGenerationMarks => Contains(_statements);

    private int FirstLine { get; init; }

    /// <summary>Prints the template.</summary>
    /// <param name="variables">Values as <see cref="System.Text.Json.Nodes.JsonNode"/>, text, bool, or null for none.</param>
    /// <param name="now">The time that strftime_now tells.</param>
    /// <returns>The text and what {% generation %} marked, in code points.</returns>
    /// <exception cref="FineTuneException">FT0252: the template refused the conversation, or failed, or took too much.</exception>
    public RenderedText Render(IEnumerable<KeyValuePair<string, object?>> variables, DateTime now = default)
    {
        try
        {
            return RenderRaw(variables, now);
        }
        catch (JinjaError error)
        {
            throw Failed(error);
        }
    }

    internal RenderedText RenderRaw(IEnumerable<KeyValuePair<string, object?>> variables, DateTime now)
    {
        using var budget = new RenderBudget();
        Scope globals = Globals.Scope(now);
        foreach ((string name, object? value) in variables)
        {
            globals.Set(name, value is System.Text.Json.Nodes.JsonNode node ? PyJson.FromNode(node) : value);
        }

        RenderOutput output = new Interpreter().Render(_statements, globals);
        return new RenderedText(output.ToString(), output.Spans);
    }

    internal FineTuneException Failed(JinjaError error)
    {
        string message = error.Kind == JinjaErrorKind.Raised ? $"The template says: {error.Message}" : Sentence(error.Message);
        string remedy = error.Kind switch
        {
            JinjaErrorKind.Raised => "Change the conversation so that the template accepts it, or use another PromptTemplate.",
            JinjaErrorKind.Limit => "Rendering is bounded, since templates come from strangers; simplify the template or shorten the conversation.",
            _ => "Check that the rows have what the template reads, or use another PromptTemplate.",
        };
        return new FineTuneException(Codes.TemplateFailed, message, remedy, new SourcePosition(Name, error.Line == 0 ? 0 : FirstLine + error.Line - 1), error);
    }

    private static bool Contains(IReadOnlyList<Statement> statements) => statements.Any(statement => statement switch
    {
        GenerationStatement => true,
        IfStatement choice => choice.Branches.Any(branch => Contains(branch.Body)) || Contains(choice.Otherwise),
        ForStatement loop => Contains(loop.Body) || Contains(loop.Otherwise),
        WithStatement with => Contains(with.Body),
        BlockStatement block => Contains(block.Body),
        FilterStatement filter => Contains(filter.Body),
        _ => false,
    });

    private static string Sentence(string message) => message.Length == 0 ? "" : char.ToUpperInvariant(message[0]) + message[1..] + (message.EndsWith('.') ? "" : ".");
}
