namespace FineTuneTool.Engine.Diagnostics;

/// <summary>
/// The table of diagnostic codes: one partial file per area, each with its own range. A code is never reused.
/// FT00xx project and settings · FT01xx data and rows · FT02xx tokenizers, templates · FT03xx model and adapter files ·
/// FT10xx model and training · FT20xx machine and process · FT90xx internal.
/// </summary>
public static partial class Codes
{
    /// <summary>Every code, in order. A test asks for a page in docs/errors and a test for each.</summary>
    public static IReadOnlyList<DiagnosticCode> All => field ??= [.. Project, .. Data, .. Text, .. Files, .. Training, .. Machine];

    public static DiagnosticCode Find(string id) => All.First(code => code.Id == id);
}
