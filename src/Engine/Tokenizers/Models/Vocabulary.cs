using System.Text.Json;

namespace FineTuneTool.Engine.Tokenizers.Models;

/// <summary>Token texts and their ids, both ways.</summary>
internal sealed class Vocabulary
{
    /// <summary>Ids without a token that a vocabulary may have, whatever its size.</summary>
    public const int MostGaps = 1 << 16;

    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _tokens;

    private Vocabulary(Dictionary<string, int> ids, string?[] tokens)
    {
        _ids = ids;
        _tokens = tokens;
    }

    public IReadOnlyList<string?> Tokens => _tokens;

    public int? Find(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    /// <summary>Tokens in the order of their ids; of equal ones the last counts.</summary>
    public static Vocabulary Of(string[] tokens)
    {
        var ids = new Dictionary<string, int>(tokens.Length);
        for (int id = 0; id < tokens.Length; id++)
        {
            ids[tokens[id]] = id;
        }

        return new Vocabulary(ids, tokens);
    }

    /// <summary>Reads the object <c>{"token": id, …}</c>. Ids may have gaps, but not so wide that a small file asks for a large table.</summary>
    public static Vocabulary Read(JsonPart part)
    {
        if (!part.IsObject)
        {
            throw part.Malformed("should be an object of tokens and ids");
        }

        var ids = new Dictionary<string, int>();
        int largest = -1;
        try
        {
            foreach (JsonProperty property in part.Element.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.Number || !property.Value.TryGetInt32(out int id) || id < 0)
                {
                    throw part.Malformed($"gives the token '{property.Name}' an id that is not a whole number from 0 up");
                }

                ids[property.Name] = id;
                largest = Math.Max(largest, id);
            }
        }
        catch (InvalidOperationException)
        {
            throw part.Malformed("has a token that is not valid Unicode");
        }

        if (largest >= MostGaps + (4L * ids.Count))
        {
            throw part.Malformed($"has the id {largest} among only {ids.Count} tokens");
        }

        string?[] tokens = new string?[largest + 1];
        foreach ((string token, int id) in ids)
        {
            tokens[id] = token;
        }

        return new Vocabulary(ids, tokens);
    }
}
