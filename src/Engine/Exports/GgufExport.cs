using FineTuneTool.Engine.Adapters;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;
using FineTuneTool.Engine.Models;
using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Exports;

/// <summary>
/// Writes a model, with or without an adapter merged into it, as one GGUF file that llama.cpp loads: its names, its order of rows and tensors,
/// its metadata. Tensors are made one after another; the sum of base and adapter is rounded once.
/// </summary>
public static class GgufExport
{
    /// <summary>The storages that can be written, with their number in <c>general.file_type</c>.</summary>
    public static IReadOnlyList<(ElementType Type, uint FileType)> Types { get; } =
        [(ElementType.F32, 0), (ElementType.F16, 1), (ElementType.Q8_0, 7), (ElementType.BF16, 32)];

    /// <summary>
    /// Writes the file. Raises <see cref="Codes.NotEnoughDisk"/> before anything is written, <see cref="Codes.UnsupportedTokenizer"/> or
    /// <see cref="Codes.UnsupportedArchitecture"/> where GGUF cannot say what the model does, and <see cref="Codes.FileUnwritable"/>.
    /// </summary>
    /// <param name="files">The files that <paramref name="decoder"/> was loaded from.</param>
    /// <param name="adapter">An adapter of that decoder, or null for the base model.</param>
    public static void Write(string path, ModelFiles files, Decoder decoder, Adapter? adapter, GgufExportSettings settings)
    {
        GgufMetadata metadata = Metadata(files, decoder, settings);
        IReadOnlyList<TensorSource> tensors = Tensors(files, decoder, adapter, settings.Type);
        DiskSpace.Require(path, GgufWriter.Size(metadata, tensors));
        GgufWriter.Write(path, metadata, tensors);
    }

    internal static GgufMetadata Metadata(ModelFiles files, Decoder decoder, GgufExportSettings settings)
    {
        uint fileType = Types.Where(pair => pair.Type == settings.Type).Select(pair => (uint?)pair.FileType).FirstOrDefault()
            ?? throw new ArgumentException($"{settings.Type} cannot be written.", nameof(settings));
        GgufMetadata metadata = files is GgufModelFiles gguf
            ? GgufMetadataCopy.Make(gguf.Metadata, fileType, settings.Name)
            : GgufModelMetadata.Make((HuggingFaceModelFiles)files, decoder, fileType, settings.Name);
        if (settings.Format is { } format)
        {
            GgufAnswerFormat.Apply(metadata, format);
        }

        return metadata;
    }

    internal static IReadOnlyList<TensorSource> Tensors(ModelFiles files, Decoder decoder, Adapter? adapter, ElementType type)
    {
        ModelFamily family = GgufModelMetadata.FamilyOf(decoder.Spec);
        if (!family.GgufHoldsHead && (!decoder.Spec.TieWordEmbeddings || AdapterMerge.Unties(decoder, adapter)))
        {
            throw GgufModelMetadata.Unsayable(family, "an output head beside its embedding", files.Path);
        }

        IEnumerable<TensorSource> weights =
            from weight in AdapterMerge.Weights(decoder, adapter).OrderBy(weight => weight.Name, StringComparer.Ordinal)
            select new GgufTensor(weight, decoder.Spec, family.GgufInterleavesRotaryRows).ToSource(type);
        return [.. RopeFactors.Of(files, decoder.Spec), .. weights];
    }
}
