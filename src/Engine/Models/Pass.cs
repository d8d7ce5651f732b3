using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>What every layer needs to know about the rows that go through it.</summary>
/// <param name="Positions">(T) position of each row in its document.</param>
/// <param name="DocumentStarts">(D + 1) first row of each document, then T.</param>
/// <param name="DocumentLength">Tokens that the one document of the pass has when all new ones have passed; 0 = the pass holds whole documents.</param>
/// <param name="Training">Dropout is active and a backward pass follows.</param>
internal sealed record Pass(
    Backend Backend, int[] Positions, int[] DocumentStarts, bool Training = false, ulong DropoutSeed = 0, ulong DropoutStream = 0, int DocumentLength = 0)
{
    public int Tokens => Positions.Length;

    /// <summary>A number for each row by the length of its document.</summary>
    public float[] PerToken(Func<int, float> byLength)
    {
        float[] numbers = new float[Tokens];
        for (int document = 0; document + 1 < DocumentStarts.Length; document++)
        {
            int start = DocumentStarts[document], length = DocumentStarts[document + 1] - start;
            numbers.AsSpan(start, length).Fill(byLength(length));
        }

        return numbers;
    }

    /// <summary>The mask of one module: no two modules of a pass and no two passes share a stream (fewer than 2²⁰ modules, 2⁴⁴ passes).</summary>
    public Dropout DropoutOf(float probability, int module) =>
        Training && probability > 0 ? new Dropout(probability, DropoutSeed, (DropoutStream << 20) | (uint)module) : default;
}
