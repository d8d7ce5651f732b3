using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>One layer of the decoder: attention, then feed-forward, each with its norm and residual.</summary>
internal sealed record DecoderLayer(AttentionBlock Attention, FeedForwardBlock FeedForward)
{
    public IEnumerable<LinearLayer> Linears => Attention.Linears.Concat(FeedForward.Linears);

    public bool Trains => Attention.Trains || FeedForward.Trains;

    /// <summary>Rows go from x through middle to output (T, C); all three may be the same rows.</summary>
    public void Forward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor middle, Tensor output)
    {
        Attention.Forward(pass, saved, scratch, x, middle);
        FeedForward.Forward(pass, saved, scratch, middle, output);
    }

    /// <summary>New rows of one document, in place.</summary>
    public void Append(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, KvCache.Layer cache)
    {
        Attention.Append(pass, saved, scratch, x, cache);
        FeedForward.Forward(pass, saved, scratch, x, x);
    }

    /// <summary>Brings back what a checkpointed layer did not keep, in the bits of the forward pass: all but the down projection.</summary>
    public void Recompute(Pass pass, LayerActivations saved, Scratch scratch)
    {
        Tensor x = saved.Input.Take(pass.Tokens), middle = saved.Middle.Take(pass.Tokens);
        Attention.Forward(pass, saved, scratch, x, middle);
        FeedForward.Recompute(pass, saved, scratch, middle);
    }

    /// <summary>dStream (T, C): gradient of the output on entry, of the input on return where <paramref name="inputGradient"/>.</summary>
    public void Backward(Pass pass, LayerActivations saved, Scratch scratch, Tensor dStream, bool inputGradient)
    {
        FeedForward.Backward(pass, saved, scratch, saved.Middle.Take(pass.Tokens), dStream, inputGradient || Attention.Trains);
        if (inputGradient || Attention.Trains)
        {
            Attention.Backward(pass, saved, scratch, saved.Input.Take(pass.Tokens), dStream, inputGradient);
        }
    }
}
