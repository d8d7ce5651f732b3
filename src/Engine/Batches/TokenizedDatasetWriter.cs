using System.Runtime.InteropServices;
using System.Text;
using FineTuneTool.Engine.Diagnostics;
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
    private readonly List<(int Name, int Line)> _places = [];
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private FileStream? _weights;
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

    /// <summary>Tokens of each row so far.</summary>
    public int[] Lengths => [.. _starts.Skip(1).Zip(_starts, (end, start) => (int)(end - start))];

    /// <param name="place">Where the row comes from.</param>
    /// <exception cref="ArgumentException">The row is empty, an id is negative, or a label is neither its id nor −100.</exception>
    public void Add(TokenizedExample example, SourcePosition place = default)
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
        WriteFailure.Guard(_path, () => AddWeights(example));
        _places.Add((NameOf(place.File ?? ""), place.Line));
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
        _weights?.Dispose();
        if (!_complete)
        {
            File.Delete(_temporary);
        }
    }

    /// <summary>Weights are kept from the first row on that has some.</summary>
    private void AddWeights(TokenizedExample example)
    {
        if (example.Weights is not null && _weights is null)
        {
            _weights = new FileStream(_path + ".weights.tmp", FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            for (int row = 0; row < _supervised.Count; row++)
            {
                _weights.Write(Ones((int)(_starts[row + 1] - _starts[row])));
            }
        }

        _weights?.Write(example.Weights is null ? Ones(example.Ids.Length) : MemoryMarshal.AsBytes<float>(example.Weights));
    }

    private static ReadOnlySpan<byte> Ones(int count)
    {
        float[] ones = new float[count];
        Array.Fill(ones, 1);
        return MemoryMarshal.AsBytes<float>(ones);
    }

    private int NameOf(string file)
    {
        if (!_names.TryGetValue(file, out int name))
        {
            _names.Add(file, name = _names.Count);
        }

        return name;
    }

    private void End()
    {
        byte[] names = [.. _names.Keys.SelectMany(name => Encoding.UTF8.GetBytes(name + "\0"))];
        var format = new TokenizedDatasetFormat(Count, Tokens, _supervised.Sum(count => (long)count), _largestId, _weights is not null, names.Length);
        PadTo(format.MaskAt);
        _stream.Write(CollectionsMarshal.AsSpan(_mask));
        PadTo(format.StartsAt);
        _stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_starts)));
        _stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_supervised)));
        PadTo(format.PlacesAt);
        _stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_places)));
        if (_weights is not null)
        {
            _weights.Position = 0;
            _weights.CopyTo(_stream);
        }

        PadTo(format.NamesAt);
        _stream.Write(names);
        _stream.Position = 0;
        _stream.Write(format.Header());
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
    }

    private void PadTo(long offset) => _stream.Write(new byte[offset - _stream.Position]);
}
