using System.Collections;
using System.IO.MemoryMappedFiles;
using System.Text;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Batches;

/// <summary>
/// A tokenised data set on disk, mapped into memory: opening reads only the header and the row table.
/// Layout: <see cref="TokenizedDatasetFormat"/>. Reading rows is safe from several threads.
/// </summary>
public sealed unsafe class TokenizedDataset : IReadOnlyList<TokenizedExample>, IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly TokenizedDatasetFormat _format;
    private readonly string _path;
    private byte* _data;
    private string[] _names = [];

    private TokenizedDataset(string path, FileStream stream)
    {
        _path = path;
        Span<byte> header = stackalloc byte[TokenizedDatasetFormat.HeaderBytes];
        int read = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        _format = TokenizedDatasetFormat.Parse(header[..read], stream.Length, path);
        _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, stream.Length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _data);
    }

    public int Count => (int)_format.Rows;

    public long Tokens => _format.Tokens;

    /// <summary>Labels of the whole set that can be learnt.</summary>
    public long SupervisedTokens => _format.Supervised;

    /// <summary>The largest token id, −1 in an empty set: must be below the vocabulary size of the model.</summary>
    public int LargestId => _format.LargestId;

    /// <summary>Tokens of each row, in order.</summary>
    public int[] Lengths => [.. Enumerable.Range(0, Count).Select(Length)];

    public TokenizedExample this[int index]
    {
        get
        {
            long start = Starts[CheckIndex(index)];
            int[] ids = new ReadOnlySpan<int>((int*)(_data + _format.IdsAt) + start, Length(index)).ToArray();
            int[] labels = new int[ids.Length];
            byte* mask = _data + _format.MaskAt;
            for (int i = 0; i < ids.Length; i++)
            {
                if ((uint)ids[i] > (uint)_format.LargestId)
                {
                    throw TokenizedDatasetFormat.Malformed(_path, $"holds the token id {ids[i]} in row {index}, which its header rules out");
                }

                long token = start + i;
                labels[i] = (mask[token >> 3] >> (int)(token & 7) & 1) != 0 ? ids[i] : TokenizedExample.Ignored;
            }

            return new TokenizedExample(ids, labels) { Weights = WeightsAt(start, ids.Length, index) };
        }
    }

    private int* Places => (int*)((byte*)Starts - _format.StartsAt + _format.PlacesAt);

    private long* Starts => _data == null ? throw new ObjectDisposedException(nameof(TokenizedDataset)) : (long*)(_data + _format.StartsAt);

    /// <summary>Maps the file and checks header, size and row table.</summary>
    /// <exception cref="FineTuneException">FT0101 no such file, FT0107 malformed.</exception>
    public static TokenizedDataset Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new FineTuneException(Codes.DataFileMissing, "The tokenised data set does not exist.", "Preprocess first.", new SourcePosition(path));
        }

        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        TokenizedDataset dataset;
        try
        {
            dataset = new TokenizedDataset(path, stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }

        if (!dataset.RowTableIsSound() || !dataset.PlacesAreSound())
        {
            dataset.Dispose();
            throw TokenizedDatasetFormat.Malformed(path, "has a damaged row table");
        }

        return dataset;
    }

    /// <summary>Tokens of a row.</summary>
    public int Length(int index) => (int)(Starts[CheckIndex(index) + 1] - Starts[index]);

    /// <summary>Labels of a row that can be learnt.</summary>
    public int Supervised(int index) => ((int*)(Starts + Count + 1))[CheckIndex(index)];

    /// <summary>The file, as the project names it, and the line that a row comes from; no file where that was not said.</summary>
    public SourcePosition PlaceOf(int index)
    {
        int* place = Places + (2L * CheckIndex(index));
        return new SourcePosition(_names[place[0]] is { Length: > 0 } name ? name : null, place[1]);
    }

    public IEnumerator<TokenizedExample> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        if (_data != null)
        {
            _data = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }

    private float[]? WeightsAt(long start, int length, int index)
    {
        if (!_format.HasWeights)
        {
            return null;
        }

        float[] weights = new ReadOnlySpan<float>((float*)(_data + _format.WeightsAt) + start, length).ToArray();
        return Array.TrueForAll(weights, weight => weight >= 0 && float.IsFinite(weight)) ? weights
            : throw TokenizedDatasetFormat.Malformed(_path, $"holds a weight in row {index} that is not a number of at least 0");
    }

    private int CheckIndex(int index) => (uint)index < (uint)Count ? index : throw new ArgumentOutOfRangeException(nameof(index));

    private bool RowTableIsSound()
    {
        long* starts = Starts;
        int* supervised = (int*)(starts + Count + 1);
        long sum = 0;
        if (starts[0] != 0 || starts[Count] != Tokens)
        {
            return false;
        }

        for (int i = 0; i < Count; i++)
        {
            // Differences of bounded, ascending starts cannot overflow; a row is never empty.
            if (starts[i + 1] <= starts[i] || starts[i + 1] > Tokens || starts[i + 1] - starts[i] > int.MaxValue
                || supervised[i] < 0 || supervised[i] >= starts[i + 1] - starts[i])
            {
                return false;
            }

            sum += supervised[i];
        }

        return sum == SupervisedTokens;
    }

    private bool PlacesAreSound()
    {
        string names = Encoding.UTF8.GetString(_data + _format.NamesAt, (int)_format.NameBytes);
        _names = names.Split('\0')[..^1];
        for (int i = 0; i < Count; i++)
        {
            if ((uint)Places[2L * i] >= (uint)_names.Length || Places[(2L * i) + 1] < 0)
            {
                return false;
            }
        }

        return true;
    }
}
