using FineTuneTool.Engine.Tensors;

namespace FineTuneTool.Engine.Exports;

/// <summary>What a GGUF file shall hold.</summary>
/// <param name="Type">Storage of the matrices; vectors stay F32. One of <see cref="GgufExport.Types"/>.</param>
/// <param name="Name"><c>general.name</c>; null takes that of the base model.</param>
/// <param name="Format">How the model is asked and where it stops; null as its base.</param>
public sealed record GgufExportSettings(ElementType Type, string? Name = null, AnswerFormat? Format = null);
