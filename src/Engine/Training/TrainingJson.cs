using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Training;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(CheckpointMarker))]
[JsonSerializable(typeof(TrainingSettings))]
[JsonSerializable(typeof(TrainingSummary))]
internal sealed partial class TrainingJson : JsonSerializerContext;
