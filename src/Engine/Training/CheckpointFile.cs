using System.Security.Cryptography;

namespace FineTuneTool.Engine.Training;

/// <summary>A file of a checkpoint as it must be.</summary>
internal sealed record CheckpointFile(long Bytes, string Sha256)
{
    public static CheckpointFile Of(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return new CheckpointFile(stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}
