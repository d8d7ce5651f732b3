using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Adapters;

/// <summary>Checks that every kind of adapter makes on its folder before anything is allocated, and how their failures are told.</summary>
internal sealed class AdapterFile(PeftAdapter files)
{
    /// <summary>Whether an option is there and switched on.</summary>
    public bool IsSet(string key) => files.Config.Raw[key] switch
    {
        null => false,
        JsonArray list => list.Count > 0,
        JsonObject map => map.Count > 0,
        { } node => node.GetValueKind() != JsonValueKind.False,
    };

    /// <summary>Every tensor is in the file with its shape, and the file holds no other but those that <paramref name="isIgnored"/>.</summary>
    public void Require(IReadOnlyList<AdapterTensor> tensors, Predicate<string>? isIgnored = null)
    {
        if (files.Tensors.Count == 0)
        {
            throw Unfit("it holds no tensors");
        }

        foreach (AdapterTensor tensor in tensors)
        {
            StoredTensor stored = files.Tensors.Find(tensor.Name) ?? throw Unfit($"it lacks the tensor '{tensor.Name}'");
            if (!stored.Shape.Equals(tensor.Shape))
            {
                throw Unfit($"its tensor '{tensor.Name}' has the shape {stored.Shape} where model and configuration ask for {tensor.Shape}");
            }

            if (stored.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16))
            {
                throw Unsupported($"stores '{tensor.Name}' as {stored.Type}");
            }
        }

        HashSet<string> expected = [.. tensors.Select(tensor => tensor.Name)];
        if (files.Tensors.FirstOrDefault(stored => !expected.Contains(stored.Name) && isIgnored?.Invoke(stored.Name) != true) is { } other)
        {
            throw Unsupported($"holds the tensor '{other.Name}'");
        }
    }

    public FineTuneException Unsupported(string what) => new(
        Codes.UnsupportedAdapter, $"The adapter '{files.Folder}' {what}, which is not supported.",
        "Merge it into its base model with the library that made it, and use the merged model.", new SourcePosition(files.Folder));

    public FineTuneException Unfit(string why) => new(
        Codes.AdapterDoesNotFit, $"The adapter '{files.Folder}' does not fit the model: {why}.",
        "Use the base model that the adapter was trained on, and the configuration that belongs to its tensors.", new SourcePosition(files.Folder));
}
