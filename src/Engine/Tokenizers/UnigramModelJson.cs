using System.Text.Json;
using FineTuneTool.Engine.Tokenizers.Models;

namespace FineTuneTool.Engine.Tokenizers;

/// <summary>The "model" of tokenizer.json, of type Unigram: a list of pieces with their scores.</summary>
internal static class UnigramModelJson
{
    public static UnigramModel Read(JsonPart part)
    {
        JsonPart list = part["vocab"];
        if (!list.IsArray)
        {
            throw list.Malformed("should be a list of pieces with their scores");
        }

        int count = list.Element.GetArrayLength();
        string[] tokens = new string[count];
        double[] scores = new double[count];
        int id = 0;
        foreach (JsonElement item in list.Element.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2 || item[0].ValueKind != JsonValueKind.String
                || item[1].ValueKind != JsonValueKind.Number || !double.IsFinite(scores[id] = item[1].GetDouble()))
            {
                throw list.Malformed($"has at {id} something that is not a piece with its score");
            }

            tokens[id++] = list.Piece(item[0]);
        }

        JsonPart unknown = part["unk_id"];
        if (!unknown.IsNull && (unknown.Integer() < 0 || unknown.Integer() >= count))
        {
            throw unknown.Malformed($"is {unknown.Integer()}, but there are {count} pieces");
        }

        return new UnigramModel(Vocabulary.Of(tokens), scores, unknown.IsNull ? null : unknown.Integer(), part["byte_fallback"].FlagOr(false));
    }
}
