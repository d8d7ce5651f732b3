using FineTuneTool.Engine.Tokenizers.PostProcessors;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "post_processor" of tokenizer.json; of templates the one for single texts.</summary>
internal static class PostProcessorJson
{
    public static PostProcessor? Read(JsonPart part, Func<string, int?> tokenToId)
    {
        if (part.IsNull)
        {
            return null;
        }

        switch (part["type"].Text())
        {
            case "Sequence":
                return new SequencePostProcessor([.. part["processors"].Items().Select(item => Read(item, tokenToId) ?? throw item.Malformed("is missing"))]);
            case "ByteLevel":
                return part["trim_offsets"].FlagOr(true) ? new TrimOffsetsPostProcessor(part["add_prefix_space"].FlagOr(true)) : new SequencePostProcessor([]);
            case "TemplateProcessing":
                return Template(part, tokenToId);
            case "BertProcessing":
                return Frame(part);
            case "RobertaProcessing":
                PostProcessor frame = Frame(part);
                return part["trim_offsets"].FlagOr(true)
                    ? new SequencePostProcessor([new TrimOffsetsPostProcessor(part["add_prefix_space"].FlagOr(true)), frame])
                    : frame;
            case var other:
                throw part.Unsupported($"the post-processor '{other}'");
        }
    }

    /// <summary>BERT's frame: <c>"cls": [token, id]</c> before, <c>"sep": [token, id]</c> after.</summary>
    private static TemplatePostProcessor Frame(JsonPart part)
    {
        return new TemplatePostProcessor([Second(part["cls"])], [Second(part["sep"])]);

        static int Second(JsonPart pair) => pair.Items().ToList() is [_, var id] ? Id(id) : throw pair.Malformed("should be a token and its id");
    }

    private static TemplatePostProcessor Template(JsonPart part, Func<string, int?> tokenToId)
    {
        List<int> before = [];
        List<int> after = [];
        bool textSeen = false;
        foreach (JsonPart piece in part["single"].Items())
        {
            if (piece["Sequence"].IsObject)
            {
                if (textSeen || piece["Sequence"]["id"].Text() != "A")
                {
                    throw part["single"].Unsupported("a template that repeats the text");
                }

                textSeen = true;
            }
            else
            {
                (textSeen ? after : before).AddRange(Ids(part, piece["SpecialToken"]["id"], tokenToId));
            }
        }

        return textSeen ? new TemplatePostProcessor([.. before], [.. after]) : throw part["single"].Malformed("has no place for the text");
    }

    private static IEnumerable<int> Ids(JsonPart part, JsonPart name, Func<string, int?> tokenToId)
    {
        JsonPart listed = part["special_tokens"][name.Text()]["ids"];
        return listed.IsNull
            ? [tokenToId(name.Text()) ?? throw name.Malformed($"names '{name.Text()}', which is no token")]
            : listed.Items().Select(Id);
    }

    private static int Id(JsonPart part) => part.Integer() is int id and >= 0 ? id : throw part.Malformed("is negative");
}
