using System.Globalization;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Generation;

/// <summary>Token ids from outside, before a model sees them.</summary>
public static class TokenIds
{
    /// <summary>Checks that a sequence can be given to a model.</summary>
    /// <param name="maxLength">Most ids.</param>
    /// <exception cref="FineTuneException">FT0001: no id, or one outside the vocabulary. FT1006: too many.</exception>
    public static void Check(IReadOnlyList<int> ids, int vocabSize, int maxLength)
    {
        if (ids.Count == 0)
        {
            throw new FineTuneException(Codes.BadSetting, "The text has no token.", "Give a text of at least one character, or at least one id.");
        }

        if (ids.Count > maxLength)
        {
            throw new FineTuneException(
                Codes.PromptTooLong,
                string.Create(CultureInfo.InvariantCulture, $"The text has {ids.Count} tokens, but at most {maxLength} fit here."),
                "Shorten the text, or allow a longer context where the model has one.");
        }

        foreach (int id in ids)
        {
            if ((uint)id >= (uint)vocabSize)
            {
                throw new FineTuneException(
                    Codes.BadSetting,
                    string.Create(CultureInfo.InvariantCulture, $"The model has no token {id}; its ids go from 0 to {vocabSize - 1}."),
                    "Give ids that this model's tokenizer made.");
            }
        }
    }
}
