using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Norm, causal attention and residual: out = x + o(attention(rope(q(n)), rope(k(n)), v(n))), n = norm(x), with query heads sharing key heads in groups.
/// </summary>
internal sealed class AttentionBlock(
    RmsNormLayer norm, LinearLayer query, LinearLayer key, LinearLayer value, LinearLayer output, RotaryEmbedding rotary, AttentionShape shape)
{
    public IReadOnlyList<LinearLayer> Linears { get; } = [query, key, value, output];

    public RmsNormLayer Norm => norm;

    public bool Trains => output.Trains || InputTrains;

    private bool InputTrains => norm.Trains || query.Trains || key.Trains || value.Trains;

    /// <summary>x and result (T, C) may be the same rows.</summary>
    public void Forward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor result)
    {
        int tokens = pass.Tokens;
        Tensor queries = saved.Query.Take(tokens), keys = saved.Key.Take(tokens), values = saved.Value.Take(tokens), attended = saved.Attended.Take(tokens);
        Project(pass, saved, scratch, x, queries, keys, values);
        pass.Backend.Attention(queries, keys, values, shape, pass.DocumentStarts, attended, saved.LogSumExp.Take(tokens));
        output.Forward(pass, attended, result, addend: x);
    }

    /// <summary>As <see cref="Forward"/> for new rows of one document, whose keys and values are appended to a cache. In place.</summary>
    public void Append(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, KvCache.Layer cache)
    {
        int tokens = pass.Tokens, past = pass.Positions[0];
        Tensor queries = saved.Query.Take(tokens), attended = saved.Attended.Take(tokens);
        Project(pass, saved, scratch, x, queries, cache.Keys.Rows(past, tokens), cache.Values.Rows(past, tokens));
        pass.Backend.CachedAttention(queries, cache.Keys, cache.Values, past, shape, attended);
        output.Forward(pass, attended, x, addend: x);
    }

    /// <summary>dStream (T, C) holds the gradient of the output and receives that of x where <paramref name="inputGradient"/>.</summary>
    public void Backward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor dStream, bool inputGradient)
    {
        int tokens = pass.Tokens;
        Backend backend = pass.Backend;
        Tensor attended = saved.Attended.Take(tokens);
        Tensor? dAttended = inputGradient || InputTrains ? scratch.DAttended.Take(tokens) : null;
        output.Backward(pass, dStream, attended, dAttended);
        if (dAttended is null)
        {
            return;
        }

        Tensor dQueries = scratch.DQuery.Take(tokens), dKeys = scratch.DKey.Take(tokens), dValues = scratch.DValue.Take(tokens);
        backend.AttentionBackward(
            dAttended, saved.Query.Take(tokens), saved.Key.Take(tokens), saved.Value.Take(tokens), attended, saved.LogSumExp.Take(tokens),
            shape, pass.DocumentStarts, dQueries, dKeys, dValues);
        rotary.Apply(dQueries, shape.Heads, pass, inverse: true);
        rotary.Apply(dKeys, shape.KeyValueHeads, pass, inverse: true);

        Tensor normed = scratch.Normed.Take(tokens), inverseRms = saved.InputInverseRms.Take(tokens);
        if (query.Trains || key.Trains || value.Trains)
        {
            norm.Forward(backend, x, normed, inverseRms);
        }

        Tensor? dNormed = inputGradient || norm.Trains ? scratch.DNormed.Take(tokens) : null;
        query.Backward(pass, dQueries, normed, dNormed);
        key.Backward(pass, dKeys, normed, dNormed, accumulate: true);
        value.Backward(pass, dValues, normed, dNormed, accumulate: true);
        if (dNormed is not null)
        {
            norm.Backward(backend, dNormed, x, inverseRms, dStream);
        }
    }

    private void Project(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor queries, Tensor keys, Tensor values)
    {
        Tensor normed = scratch.Normed.Take(pass.Tokens);
        norm.Forward(pass.Backend, x, normed, saved.InputInverseRms.Take(pass.Tokens));
        pass.Backend.Linears(normed, query.Operands(pass, normed, queries), key.Operands(pass, normed, keys), value.Operands(pass, normed, values));
        rotary.Apply(queries, shape.Heads, pass);
        rotary.Apply(keys, shape.KeyValueHeads, pass);
    }
}
