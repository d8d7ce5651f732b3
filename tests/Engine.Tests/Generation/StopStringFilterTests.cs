using FineTuneTool.Engine.Generation;

namespace FineTuneTool.Engine.Tests.Generation;

public class StopStringFilterTests
{
    [Fact]
    public void Text_passes_at_once_where_nothing_can_stop_it()
    {
        Assert.Equal("### a", new StopStringFilter([]).Push("### a"));
        Assert.Equal("plain", new StopStringFilter(["###"]).Push("plain"));
    }

    [Fact]
    public void A_stop_string_across_pieces_ends_the_text_before_it()
    {
        var filter = new StopStringFilter(["### Q:"]);
        Assert.Equal(["one ", "", "", ""], new[] { "one #", "## ", "Q: two", "more" }.Select(filter.Push));
        Assert.True(filter.Stopped);
        Assert.Equal("", filter.Flush());
    }

    [Fact]
    public void What_turned_out_not_to_be_a_stop_string_is_passed_on()
    {
        var filter = new StopStringFilter(["###"]);
        Assert.Equal(["a ", "## b", ""], new[] { "a ##", " b", "#" }.Select(filter.Push));
        Assert.False(filter.Stopped);
        Assert.Equal("#", filter.Flush());
    }

    [Fact]
    public void A_beginning_that_repeats_itself_is_held_to_its_longest_end()
    {
        var filter = new StopStringFilter(["aab"]);
        Assert.Equal(["", "a", ""], new[] { "aa", "a", "b" }.Select(filter.Push));
        Assert.True(filter.Stopped);
    }

    [Fact]
    public void The_earliest_of_several_stop_strings_wins()
    {
        var filter = new StopStringFilter(["END", "STOP"]);
        Assert.Equal("x ", filter.Push("x STOP END"));
        Assert.True(filter.Stopped);
    }
}
