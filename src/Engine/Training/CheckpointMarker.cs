using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneTool.Engine.Training;

/// <summary>checkpoint.json, written last: where the run stood, and the size and SHA-256 of each other file of the folder.</summary>
/// <param name="RunHash">Which run it belongs to: parameters, data and settings; see <see cref="RunIdentity"/>.</param>
/// <param name="Files">By path relative to the folder, with forward slashes.</param>
/// <param name="Hash">SHA-256 of this record with an empty hash.</param>
internal sealed record CheckpointMarker(
    int FormatVersion, string RunHash, TrainingState State, SortedDictionary<string, CheckpointFile> Files, string Hash = "")
{
    public const string FileName = "checkpoint.json";
    public const int CurrentFormatVersion = 1;

    public CheckpointMarker Sealed() => this with { Hash = ComputeHash() };

    [JsonIgnore]
    public bool IsIntact => Hash == ComputeHash();

    private string ComputeHash() =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this with { Hash = "" }, TrainingJson.Default.CheckpointMarker)));
}
