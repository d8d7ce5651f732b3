using System.Globalization;
using FineTuneTool.Engine.Diagnostics;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Typed reading of the model metadata of a GGUF file: keys are given without the architecture's prefix. Missing or impossible values raise
/// <see cref="Codes.BadModelConfig"/>; ill-typed ones <see cref="Codes.BadGguf"/>; options that would change the maths <see cref="Codes.UnsupportedArchitecture"/>.
/// </summary>
public sealed class GgufFields
{
    private readonly GgufModelFiles _files;

    public GgufFields(GgufModelFiles files)
    {
        _files = files;
        Architecture = files.Metadata.GetString("general.architecture") ?? throw Missing("general.architecture");
    }

    public string Architecture { get; }

    public TensorTable Tensors => _files.Tensors;

    public bool Has(string key) => _files.Metadata.Find(Full(key)) is not null;

    /// <summary>A whole number from 1 to <paramref name="most"/>.</summary>
    public int Count(string key, int? fallback = null, int most = 1 << 24)
    {
        long number = _files.Metadata.GetInteger(Full(key)) ?? fallback ?? throw Missing(Full(key));
        return number >= 1 && number <= most ? (int)number : throw Bad(key, $"a whole number from 1 to {most.ToString(CultureInfo.InvariantCulture)}");
    }

    /// <summary>A whole number of 32 bits, 0 or above.</summary>
    public int NotNegative(string key, int fallback)
    {
        long number = _files.Metadata.GetInteger(Full(key)) ?? fallback;
        return number is >= 0 and <= int.MaxValue ? (int)number : throw Bad(key, "a whole number from 0 on");
    }

    /// <summary>A finite number above 0.</summary>
    public double Positive(string key, double? fallback = null)
    {
        double number = _files.Metadata.GetFloat(Full(key)) ?? fallback ?? throw Missing(Full(key));
        return number > 0 && double.IsFinite(number) ? number : throw Bad(key, "a finite number above 0");
    }

    public string? Text(string key) => _files.Metadata.GetString(Full(key));

    /// <summary>Raises <see cref="Codes.UnsupportedArchitecture"/> where a number that changes the maths is neither absent nor <paramref name="neutral"/>.</summary>
    public void Require(string key, double neutral)
    {
        if (_files.Metadata.GetFloat(Full(key)) is { } number && number != neutral)
        {
            throw Unsupported(Full(key), number.ToString(CultureInfo.InvariantCulture));
        }
    }

    public FineTuneException Bad(string key, string expected) => new(
        Codes.BadModelConfig, $"The metadata key '{Full(key)}' must be {expected}.", "Convert the model again with a current converter.",
        new SourcePosition(_files.Path));

    public FineTuneException Unsupported(string key, string value) => new(
        Codes.UnsupportedArchitecture, $"The metadata key '{key}' ({value}) is not supported.",
        "Use another model: leaving the option out would compute something else.", new SourcePosition(_files.Path));

    private FineTuneException Missing(string key) => new(
        Codes.BadModelConfig, $"The metadata key '{key}' is missing.", "Convert the model again with a current converter.", new SourcePosition(_files.Path));

    private string Full(string key) => $"{Architecture}.{key}";
}
