using FineTuneTool.Engine.Prompts.Jinja;

namespace FineTuneTool.Engine.Tests.Prompts.Jinja;

/// <summary>Semantics of Python that the recorded cases do not reach; expected values from CPython 3.11 with jinja2 3.1.6.</summary>
public class PythonValueTests
{
    [Theory]
    [InlineData("{{ 'a' < 'c' }} {{ 'c' < 'a' }} {{ '\\ufffd' < '😀' }} {{ 'ab' < 'abc' }}", "True False True True")]
    [InlineData("{{ 'Hello World foo'|max }}{{ 'hello'|min }}", "We")]
    [InlineData("{{ 1 // 0.1 }} {{ -3 // 1e-7 }} {{ 5.5 % -2 }} {{ -7 // 2.0 }}", "9.0 -30000001.0 -0.5 -4.0")]
    [InlineData("{{ 0|select|list }}{{ none|map('upper')|list }}", "[][]")]
    [InlineData("{{ 'abc'|sort(attribute='v') }}", "['a', 'b', 'c']")]
    [InlineData("{{ '%.2f %.1f'|format(2.675, 0.25) }} {{ '{:.3e}|{:g}|{:,}'.format(12345.678, 1e20, 1234567) }}", "2.67 0.2 1.235e+04|1e+20|1,234,567")]
    [InlineData("{{ ' a b  c '.split(none, 1) }}{{ ' a b  c '.rsplit(none, 1) }}", "['a', 'b  c '][' a b', 'c']")]
    [InlineData("{{ range(10)[2:8:2] }} {{ range(4)[::-1]|list }}", "range(2, 8, 2) [3, 2, 1, 0]")]
    [InlineData("{{ '{0[0]}|{0.x}'.format('') }}", "|")]
    [InlineData("{{ {1: 'a', 1.0: 'b', true: 'c'} }}", "{1: 'c'}")]
    [InlineData("{{ 'éa😀'.center(6, '*') }}{{ 'a'.center(4) }}|{{ 'ab'.center(5) }}|", "*éa😀** a  |  ab |")]
    public void A_template_gives_what_python_gives(string template, string expected) =>
        Assert.Equal(expected, JinjaTemplate.Parse(template, "case").Render([]).Text);
}
