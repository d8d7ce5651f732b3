namespace FineTuneTool.Engine.Diagnostics;

public static partial class Codes
{
    public static readonly DiagnosticCode FileUnreadable = new("FT0301", "A file cannot be opened");
    public static readonly DiagnosticCode BadSafetensors = new("FT0302", "A safetensors file is malformed");
    public static readonly DiagnosticCode BadGguf = new("FT0303", "A GGUF file is malformed");
    public static readonly DiagnosticCode UnsupportedTensorType = new("FT0304", "A tensor has an element type that cannot be read");
    public static readonly DiagnosticCode BadAdapter = new("FT0305", "An adapter folder is malformed");
    public static readonly DiagnosticCode BadModelConfig = new("FT0306", "The model configuration is malformed");
    public static readonly DiagnosticCode UnsupportedArchitecture = new("FT0307", "The model architecture is not supported");
    public static readonly DiagnosticCode MissingTensor = new("FT0308", "A tensor that the model needs is missing");
    public static readonly DiagnosticCode WrongShape = new("FT0309", "A tensor has the wrong shape");
    public static readonly DiagnosticCode FileUnwritable = new("FT0310", "A file cannot be written");
    public static readonly DiagnosticCode UnsupportedAdapter = new("FT0311", "The adapter uses a part that is not supported");
    public static readonly DiagnosticCode NoWeights = new("FT0312", "The model has no weights");

    private static IReadOnlyList<DiagnosticCode> Files =>
    [
        FileUnreadable, BadSafetensors, BadGguf, UnsupportedTensorType, BadAdapter, BadModelConfig, UnsupportedArchitecture, MissingTensor, WrongShape,
        FileUnwritable, UnsupportedAdapter, NoWeights,
    ];
}
