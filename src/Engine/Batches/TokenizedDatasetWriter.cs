using System.Runtime.InteropServices;
using FineTuneTool.Engine.Formats;

namespace FineTuneTool.Engine.Batches;

/// <summary>
/// Writes a tokenised data set row by row. The file appears under its name only in <see cref="Complete"/>;
/// until then, and when disposed without it, nothing is there.
/// </summary>
public sealed class TokenizedDatasetWriter : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;
    private readonly FileStream _stream;
    private readonly List<byte> _mask = [];
    private readonly List<long> _starts = [0];
    private readonly List<int> _supervised = [];
    private int _largestId = -1;
    private bool _complete;

    public TokenizedDatasetWriter(string path)
    {
        _path = path;
        _temporary = path + ".tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        _stream.Write(new byte[TokenizedDatasetFormat.HeaderBytes]);
    }

    public int Count => _supervised.Count;

    public long Tokens => _starts[^1];

    /// <exception cref="ArgumentException">The row is empty, an id is negative, or a label is neither its id nor −100.</exception>
    public void Add(TokenizedExample example)
    {
        (int[] ids, int[] labels) = example;
        if (ids.Length == 0 || ids.Length != labels.Length)
        {
            throw new ArgumentException($"A row needs as many labels as ids, and one at least; it has {ids.Length} ids and {labels.Length} labels.");
        }

        long token = Tokens;
        for (int i = 0; i < ids.Length; i++, token++)
        {
            if (ids[i] < 0 || (labels[i] != ids[i] && labels[i] != TokenizedExample.Ignored))
            {
                throw new ArgumentException($"Token {i} has id {ids[i]} and label {labels[i]}; a label is its id or {TokenizedExample.Ignored}.");
            }

            if ((token & 7) == 0)
            {
                _mask.Add(0);
            }

            if (labels[i] != TokenizedExample.Ignored)
            {
                _mask[^1] |= (byte)(1 << (int)(token & 7));
            }

            _largestId = Math.Max(_largestId, ids[i]);
        }

        WriteFailure.Guard(_path, () => _stream.Write(MemoryMarshal.AsBytes<int>(ids)));
        _starts.Add(token);
        _supervised.Add(example.SupervisedTokens);
    }

    /// <summary>Ends the file and gives it its name.</summary>
    public void Complete()
    {
        WriteFailure.Guard(_path, End);
        _complete = true;
    }

    public void Dispose()
    {
        _stream.Dispose();
        if (!_complete)
        {
            File.Delete(_temporary);
        }
    }

    private void End()
    {
        var format = new TokenizedDatasetFormat(Count, Tokens, _supervised.Sum(count => (long)count), _largestId);
        PadTo(format.MaskAt);
        _stream.Write(CollectionsMarshal.AsSpan(_mask));
        PadTo(format.StartsAt);
        _stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_starts)));
        _stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_supervised)));
        _stream.Position = 0;
        _stream.Write(format.Header());
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
    }

    private void PadTo(long offset) => _stream.Write(new byte[offset - _stream.Position]);
}
