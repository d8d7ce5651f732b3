using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Prompts.Jinja;

namespace FineTuneTool.Engine.Tests.Prompts.Jinja;

/// <summary>Templates from strangers end with a diagnostic, whatever they try.</summary>
public class JinjaLimitTests
{
    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% macro f() %}{{ f() ~ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}")]
    [InlineData("{% set ns = namespace(t='x') %}{% for i in range(99999) %}{% set ns.t = ns.t + ns.t %}{% endfor %}")]
    [InlineData("{% set ns = namespace(t=['x']) %}{% for i in range(99999) %}{% set ns.t = ns.t + ns.t %}{% endfor %}")]
    [InlineData("{% set ns = namespace(t=['x']) %}{% for i in range(64) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t }}")]
    [InlineData("{% set ns = namespace(t=['x']) %}{% for i in range(64) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t | tojson }}")]
    [InlineData("{% set ns = namespace(a=[], b=[]) %}{% for i in range(64) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}")]
    [InlineData("{% set ns = namespace(t=[]) %}{% for i in range(99999) %}{% set ns.t = [ns.t] %}{% endfor %}{{ ns.t }}")]
    [InlineData("{{ 'x' * 10 ** 12 }}")]
    [InlineData("{{ [0] * 10 ** 12 }}")]
    [InlineData("{{ 2 ** (10 ** 9) }}")]
    [InlineData("{% set ns = namespace(n=2) %}{% for i in range(99999) %}{% set ns.n = ns.n * ns.n %}{% endfor %}")]
    [InlineData("{{ '%99999999d' % 1 }}{{ 'x'.center(99999999) }}")]
    [InlineData("{{ '{:99999999}'.format(1) }}")]
    [InlineData("{{ 'x'.zfill(10 ** 9) }}")]
    [InlineData("{% set t = 'x' * 1000000 %}{{ t.replace('x', t) }}")]
    [InlineData("{% set t = 'x' * 1000000 %}{{ t.replace('', t) }}")]
    [InlineData("{% set t = 'x' * 1000000 %}{{ t | join(t) }}")]
    [InlineData("{% set t = '\\n' * 1000000 %}{% for i in range(100000) %}{{ t | indent(1000, true, true) }}{% endfor %}")]
    [InlineData("{% for i in range(100000) %}{{ 'x' * 1000000 }}{% endfor %}")]
    [InlineData("{{ range(100000) | batch(10 ** 9, 'x') | list }}")]
    [InlineData("{{ [1] | slice(10 ** 9) | list }}")]
    [InlineData("{{ range(10 ** 30) }}")]
    public void An_endless_or_huge_template_is_FT0252(string template)
    {
        var exception = Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse(template, "hostile.jinja").Render([]));
        Assert.Equal(Codes.TemplateFailed, exception.Diagnostic.Code);
        Assert.Equal("hostile.jinja", exception.Diagnostic.Position.File);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("not ", "")]
    [InlineData("-", "")]
    [InlineData("f(", ")")]
    [InlineData("{'a': ", "}")]
    [InlineData("1 if ", " else 2")]
    public void Expressions_nested_without_end_are_FT0251(string open, string close)
    {
        string template = "{{ " + string.Concat(Enumerable.Repeat(open, 100_000)) + "1" + string.Concat(Enumerable.Repeat(close, 100_000)) + " }}";
        var exception = Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse(template, "deep.jinja"));
        Assert.Equal(Codes.TemplateSyntax, exception.Diagnostic.Code);
    }

    [Fact]
    public void Blocks_nested_without_end_are_FT0251()
    {
        string template = string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000)) + string.Concat(Enumerable.Repeat("{% endif %}", 100_000));
        Assert.Equal(Codes.TemplateSyntax, Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse(template, "deep.jinja")).Diagnostic.Code);
    }

    [Theory]
    [InlineData(" + 1")]
    [InlineData(".a")]
    [InlineData("|string")]
    [InlineData(" and 1")]
    public void A_chain_without_end_ends_with_a_text_or_a_diagnostic(string link)
    {
        string template = "{{ {}" + string.Concat(Enumerable.Repeat(link, 200_000)) + " }}";
        Exception? exception = Record.Exception(() => JinjaTemplate.Parse(template, "chain.jinja").Render([]));
        Assert.True(exception is null or FineTuneException, $"{exception}");
    }

    [Theory]
    [InlineData("a\n{% if %}", 2)]
    [InlineData("{{ 1 }}\n\n{% endfor %}", 3)]
    [InlineData("{% for x in y %}\n{{ 'open }}", 2)]
    [InlineData("{# no end", 1)]
    public void A_syntax_error_is_FT0251_at_its_line(string template, int line)
    {
        var exception = Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse(template, "bad.jinja"));
        Assert.Equal((Codes.TemplateSyntax, line), (exception.Diagnostic.Code, exception.Diagnostic.Position.Line));
    }

    [Fact]
    public void A_failing_statement_is_FT0252_at_its_line()
    {
        var exception = Assert.Throws<FineTuneException>(() => JinjaTemplate.Parse("a\n{% if true %}\nb\n{{ 1 + 'x' }}{% endif %}", "bad.jinja", firstLine: 10).Render([]));
        Assert.Equal((Codes.TemplateFailed, 13), (exception.Diagnostic.Code, exception.Diagnostic.Position.Line));
    }
}
